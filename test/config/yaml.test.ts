import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatFault } from "../../src/config/faults.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

/** A text, and `LINE:COLUMN PATH` of each fault with a piece of what it says. */
const cases: readonly (readonly [string, string, readonly (readonly [string, RegExp])[]])[] = [
  ["a tab as indentation", "hosts:\n\ta.example: 1\n", [["2:1 file", /wanted spaces/]]],
  ["a second document", "hosts: { a.example: 1 }\n---\nx: 1\n", [["2:1 file", /second document/]]],
  ["an open quote", 'email: "x\nhosts: {}\n', [["1:8 file", /^opens a " that is not closed/]]],
  ["an open bracket", "listen: { http: [\nhosts:\n  a: 1\n", [["1:17 file", /^opens a \[ that/]]],
  ["a reserved character", "email: @x\nhosts: { a.example: 1 }\n", [["1:8 file", /quotes around/]]],
  ["two colons in a line", "email: a: b\n", [["1:8 file", /another ": "/]]],
  ["a tag", "email: !secret x\nhosts: { a.example: 1 }\n", [["1:8 file", /carries a tag/]]],
  [
    "a binary tag",
    "email: !!binary aGk=\nhosts: { a.example: 1 }\n",
    [["1:8 file", /carries a tag/]],
  ],
  ["a mapping as a key", "? { a: 1 }\n: 2\n", [["1:3 file", /as a key/]]],
  ["nesting without end", "[".repeat(20_000), [["1:1 file", /nested too deeply/]]],
  [
    "nesting beyond need",
    `hosts: ${"[".repeat(40)}${"]".repeat(40)}`,
    [
      ["1:8 hosts", /is not a mapping/],
      [`1:39 hosts${"[0]".repeat(31)}`, /nested too deeply/],
    ],
  ],
  [
    "a merge key",
    "hosts:\n  a.example: &a { to: 1 }\n  b.example: { <<: *a }\n",
    [
      ['3:14 hosts["b.example"]', /does nothing/],
      ['3:16 hosts["b.example"]["<<"]', /merge key/],
    ],
  ],
  [
    "an alias of nothing",
    "hosts:\n  a.example: *b\n  b.example: 1\n",
    [['2:14 hosts["a.example"]', /is an alias \(\*\) of nothing above it/]],
  ],
  [
    "an alias of itself",
    "email: &a [*a]\nhosts: { a.example: 1 }\n",
    [
      ["1:11 email", /is a list/],
      ["1:12 email[0]", /alias \(\*\) of nothing/],
    ],
  ],
  [
    "a key twice",
    "email: a@b.example\nemail: c@d.example\nhosts: { a.example: 1 }\n",
    [["2:1 email", /stands on line 1 already/]],
  ],
  [
    "a host twice",
    "hosts:\n  a.example: 1\n  b.example: 1\n  a.example: 1\n",
    [['4:3 hosts["a.example"]', /stands on line 2 already/]],
  ],
  [
    "__proto__",
    "__proto__: { email: 1 }\nhosts: { a.example: 1 }\n",
    [["1:1 __proto__", /not a known key/]],
  ],
  [
    "a { without its }",
    "hosts:\n  a.example: { to: 3001, timeouts: { connect: 5s }\n  b.example: 3002\n  c.example: 1\n",
    [["2:14 file", /^opens a \{ that is not closed, wanted a \}$/]],
  ],
  [
    "a { without its } at the end",
    "hosts:\n  a.example: 1\n  b.example: { to: 3002\n",
    [["3:14 file", /^opens a \{ that is not closed/]],
  ],
  [
    "a { without its } before what is not in any",
    "log: { level: info\nhosts:\n  a.example: 3001\n",
    [["1:6 file", /^opens a \{ that is not closed/]],
  ],
  [
    "a [ over several lines without its ]",
    "listen:\n  https: [\n    ':443',\n    ':8443'\n  http: [':80']\nhosts:\n  a.example: 1\n",
    [["2:10 file", /^opens a \[ that is not closed, wanted a \]$/]],
  ],
  [
    "a [ whose ] is not indented",
    "listen:\n  https: [\n    ':443'\n]\nhosts:\n  a.example: 1\n",
    [["2:10 file", /^opens a \[ that is not closed/]],
  ],
  [
    "a [ that a } closes",
    "hosts:\n  a.example: { to: [3001, 3002 }\n  b.example: 1\n",
    [["2:20 file", /^opens a \[ that is not closed/]],
  ],
  [
    "a { without its }, and brackets in comments and quotes,",
    "hosts:\n  a.example: { respond: 'it''s }' # }\n  b.example: 1 # {\n",
    [["2:14 file", /^opens a \{ that is not closed/]],
  ],
  [
    'a " without its end',
    'email: "ops@shop.example\nhosts:\n  a.example: 1\n',
    [["1:8 file", /^opens a " that is not closed, wanted a "$/]],
  ],
  [
    "a ' without its end, with what else is wrong,",
    "hosts:\n  a.example:\n    respond: 'ok\n  b.example: 1\n  c.example: { respond: 'x' }\n d.example: 1\n",
    [
      ["3:14 file", /^opens a ' that is not closed, wanted a '$/],
      ["6:1 file", /^is indented differently/],
    ],
  ],
  [
    "a ' without its end in a {",
    "hosts:\n  a.example: { respond: 'ok }\n  b.example: 1\n",
    [["2:25 file", /^opens a ' that is not closed/]],
  ],
  [
    "a } too many",
    "hosts:\n  a.example: { to: 3001 } }\n  b.example: 1\n",
    [["2:27 file", /^closes a \} that was not opened, remove it$/]],
  ],
  [
    "a key without its colon",
    "hosts:\n  a.example 3001\n  b.example: 1\n",
    [["2:3 file", /^lacks a colon with a space behind it, wanted `key: value` on one line$/]],
  ],
  [
    "a colon without its space",
    "hosts:\n  a.example:3001\n  b.example: 1\n",
    [["2:3 file", /^lacks a colon with a space behind it/]],
  ],
  ["a list for a file", "- a\n", [["1:1 file", /is not a mapping, wanted `hosts:`/]]],
  ["nothing", "", [["1:1 hosts", /is missing, wanted hosts such as/]]],
  ["a comment only", "# nothing\n", [["1:1 hosts", /is missing/]]],
  [
    "an unquoted *.host",
    "hosts:\n  *.x.example: 1\n  b.example: 0\n",
    [
      ['2:3 hosts["*.x.example"]', /unquoted \*.*quote it: "\*\.x\.example"/],
      ['2:3 hosts["*.x.example"]', /on demand/],
      ['3:14 hosts["b.example"]', /is not a port/],
    ],
  ],
  [
    "an unquoted *",
    "hosts:\n  *: 1\n",
    [
      ['2:3 hosts["*"]', /quote it: "\*"/],
      ['2:3 hosts["*"]', /on demand/],
    ],
  ],
  [
    "an unquoted * in a list",
    "onDemand: { allow: [a.localhost, *.localhost] }\nhosts: { a.localhost: 1 }\n",
    [["1:34 onDemand.allow[1]", /quote it: "\*\.localhost"/]],
  ],
  [
    "an unquoted * as an entry",
    "onDemand:\n  allow:\n    - *.localhost\nhosts: { a.localhost: 1 }\n",
    [["3:7 onDemand.allow[0]", /quote it: "\*\.localhost"/]],
  ],
  [
    "every unquoted *, with what else is wrong,",
    "emial: x\nhosts:\n  *.x.test, y.example: 1\n  # *.c\n  *: { to: 2 }\n  'z.example': 0\nonDemand: { ask: http://a/, allow: [ *.x.test ] }\n",
    [
      ["1:1 emial", /nearest is "email"/],
      ['3:3 hosts["*.x.test, y.example"]', /quote it: "\*\.x\.test, y\.example"/],
      ['5:3 hosts["*"]', /quote it: "\*"/],
      ['6:16 hosts["z.example"]', /is not a port/],
      ["7:38 onDemand.allow[0]", /quote it: "\*\.x\.test"/],
      ["7:38 onDemand.allow[0]", /weekly budget/],
    ],
  ],
  [
    "every unquoted * between { and }",
    "hosts: { *.x.test: 1, *: 2 }\nonDemand: { ask: http://a/ }\n",
    [
      ['1:10 hosts["*.x.test"]', /quote it: "\*\.x\.test"/],
      ['1:23 hosts["*"]', /quote it: "\*"/],
    ],
  ],
  [
    "no * in quotes, on a further line or in a block of text",
    'email: x\nemail: y\nhosts:\n  a.example: { respond: "x\n    *.d: 1" }\n  b.example:\n    respond: |\n      *.e: 1\n  c.example:\n    respond: a\n      *.f\n',
    [
      ["1:8 email", /is not a mail address/],
      ["2:1 email", /stands on line 1 already/],
    ],
  ],
];

for (const [name, text, expected] of cases) {
  test(`${name} is told with its place`, () => {
    const faults = faultsOf(text);
    const places = faults.map(({ line, column, path }) => `${line}:${column} ${path}`);
    assert.deepEqual(
      places,
      expected.map(([place]) => place),
    );
    for (const [index, [, says]] of expected.entries()) {
      assert.match(faults[index]?.message ?? "", says);
    }
  });
}

const equal: readonly (readonly [string, string])[] = [
  ["Windows line endings", "email: a@b.example\r\nhosts:\r\n  a.example: 3001\r\n"],
  ["a byte order mark", "\ufeffemail: a@b.example\nhosts:\n  a.example: 3001\n"],
  ["JSON", '{ "email": "a@b.example", "hosts": { "a.example": 3001 } }'],
  ["an anchor and its alias", "email: &a a@b.example\nhosts:\n  a.example: &b 3001\n"],
  ["a start of document", "---\nemail: a@b.example\nhosts:\n  a.example: 3001\n...\n"],
];

for (const [name, text] of equal) {
  test(`a file with ${name} means the same`, () => {
    assert.deepEqual(configOf(text), configOf("email: a@b.example\nhosts:\n  a.example: 3001\n"));
  });
}

test("aliases stand for what their anchor holds", () => {
  const [one, other] = configOf("hosts:\n  a.example: &a { to: 3001 }\n  b.example: *a\n").hosts;
  assert.deepEqual(one?.action, other?.action);
});

test("a host in a comment or a quoted one beside an error is not told to be quoted", () => {
  const text = 'hosts:\n  # *.a.example: 1\n  "*.b.example": 1 # *.b\n  a.example: @\n';
  assert.deepEqual(
    faultsOf(text).map(({ line }) => line),
    [4],
  );
});

test("aliases cannot multiply into more values than memory holds", () => {
  const levels = Array.from({ length: 12 }, (_, level) => {
    const entry = level === 0 ? "x" : `*a${level - 1}`;
    return `a${level}: &a${level} [${Array(10).fill(entry).join(", ")}]`;
  });
  const faults = faultsOf(`${levels.join("\n")}\nhosts: { a.example: 1 }\n`);
  assert.ok(faults.some(({ message }) => /too many values out of aliases/.test(message)));
});

test("no text makes the reader throw, and every fault is one line", () => {
  const piece = fc.constantFrom(
    ...["hosts", "acme", "to", "paths", "respond", "a.example", '"*.b.example"', "*", "&a ", "*a"],
    ...[
      ": ",
      ":\n",
      "\n",
      "\n  ",
      "\n    ",
      "- ",
      "{ ",
      " }",
      "[",
      "]",
      ", ",
      '"',
      "'",
      "#",
      "|",
      ">",
    ],
    ...[
      "3001",
      "on",
      "null",
      "!!x ",
      "---",
      "\t",
      "\r\n",
      "\u2028",
      "\0",
      "<<",
      "__proto__",
      "%YAML",
    ],
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 40 }).map((all) => all.join("")),
    fc.string(),
  );
  const property = fc.property(text, (input) => {
    const loaded = parseConfig(input, { file: "x.yaml", files: diskFiles, cores: 1 });
    for (const fault of loaded.ok ? [] : loaded.faults) {
      assert.match(
        formatFault(fault),
        /^x\.yaml:[1-9]\d*:[1-9]\d*: [^\n\r\u2028\u2029]+: [^\n\r\u2028\u2029]+$/,
      );
    }
  });
  fc.assert(property, { numRuns: 2_000, seed: 20_261_123 });
});

test("no value of any type under any key makes the reader throw", () => {
  const key = fc.constantFrom(
    "to",
    "paths",
    "redirect",
    "respond",
    "issuer",
    "onDemand",
    "a.example",
    "backend",
    "timeouts",
    "*",
    "/",
    "url",
    "headers",
    "status",
    "ask",
    "allow",
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(
        null,
        true,
        0,
        3001,
        1.5,
        -1,
        "a.example",
        "*.a.example",
        "https://a.example",
        "/x",
        "tcp://a:1",
        "5s",
      ),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const top = fc.constantFrom(
    "hosts",
    "acme",
    "listen",
    "onDemand",
    "log",
    "authority",
    "renewal",
    "trustedProxies",
    "workers",
  );
  const file = fc.dictionary(top, value, { maxKeys: 4 });
  const property = fc.property(file, (input) => {
    parseConfig(JSON.stringify(input), { file: "x.yaml", files: diskFiles, cores: 1 });
  });
  fc.assert(property, { numRuns: 2_000, seed: 20_261_123 });
});

test("10,000 unquoted stars are each told, all of them at once", () => {
  const hosts = Array.from({ length: 10_000 }, (_, index) => `  *.h${index}.test: 1\n`);
  const faults = faultsOf(`onDemand: { ask: http://a/ }\nhosts:\n${hosts.join("")}`);
  assert.equal(faults.length, 10_000);
  assert.ok(faults.every(({ message }) => message.includes("quote it")));
});
