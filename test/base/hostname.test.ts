import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { isUnder, parentOf, parseHostname, parsePlain } from "../../src/base/hostname.ts";

const label63 = "a".repeat(63);
const name253 = `${label63}.${label63}.${label63}.${"b".repeat(61)}`;

const names: readonly [text: string, host: string | undefined][] = [
  ["store.example", "store.example"],
  ["localhost", "localhost"],
  ["STORE.Example", "store.example"],
  ["store.example.", "store.example"],
  ["store.example..", undefined],
  [".store.example", undefined],
  ["store..example", undefined],
  ["", undefined],
  [".", undefined],
  ["*.example", undefined],
  ["_acme.example", undefined],
  ["-a.example", undefined],
  ["a-.example", undefined],
  ["a--b.example", "a--b.example"],
  ["store example", undefined],
  ["store.example\0", undefined],
  ["store.example\n", undefined],
  ["store.example:443", undefined],
  ["../../etc/passwd", undefined],
  ["user@store.example", undefined],
  ["__proto__", undefined],
  ["constructor", "constructor"],
  [label63, label63],
  [`${label63}a`, undefined],
  [name253, name253],
  [`${name253}.`, name253],
  [`${name253}b`, undefined],
  ["192.0.2.1", undefined],
  ["192.0.2.1.", undefined],
  ["192.0.2", undefined],
  ["1", undefined],
  ["0x7f.1", undefined],
  ["a.0x7f", undefined],
  ["a.0x", undefined],
  ["a.1", undefined],
  ["1.a", "1.a"],
  ["2001:db8::1", undefined],
  ["[2001:db8::1]", undefined],
  ["::ffff:192.0.2.1", undefined],
  ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example"],
];

for (const [text, host] of names) {
  test(`both makers read ${JSON.stringify(text)} as ${host ?? "no host name"}`, () => {
    assert.equal(parseHostname(text), host);
    assert.equal(parsePlain(text), host);
  });
}

const unicode: readonly [text: string, host: string | undefined][] = [
  ["m\u00fcnchen.example", "xn--mnchen-3ya.example"],
  ["M\u00dcNCHEN.Example.", "xn--mnchen-3ya.example"],
  // An ideographic full stop is a dot of IDNA.
  ["store\u3002example", "store.example"],
  // Full-width digits become an IPv4 address.
  ["\uff11\uff19\uff12.0.2.1", undefined],
  ["\u00ad", undefined],
  ["store\u2028.example", undefined],
];

for (const [text, host] of unicode) {
  test(`only configuration maps ${JSON.stringify(text)}, to ${host ?? "no host name"}`, () => {
    assert.equal(parseHostname(text), host);
    assert.equal(parsePlain(text), undefined);
  });
}

/** As the unit "binary" of `fc.string`, which takes a second to list them all. */
const codePoint = fc.integer({ min: 0, max: 0x10ffff });
const anyText = fc.oneof(
  fc.array(codePoint, { maxLength: 40 }).map((points) => String.fromCodePoint(...points)),
  fc.string({ unit: fc.constantFrom(..."abzAZ09-._*:[]\u00fc\u3002 "), maxLength: 300 }),
);

test("T37: parseHostname gives nothing but host names, and gives each back unchanged", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const host = parseHostname(text);
      if (host === undefined) return;
      assert.match(host, /^(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/);
      assert.equal(isIP(host), 0);
      assert.equal(parseHostname(host), host);
      assert.equal(parsePlain(host), host);
    }),
    { numRuns: 5_000 },
  );
});

const labelOf = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);

test("T8: any spelling of a host name is read as the same name", () => {
  const spelling = fc.tuple(
    fc.array(labelOf, { minLength: 1, maxLength: 5 }),
    fc.array(fc.boolean(), { minLength: 110, maxLength: 110 }),
  );
  fc.assert(
    fc.property(spelling, ([labels, isUpper]) => {
      const name = labels.join(".");
      const spelt = [...name].map((each, at) => (isUpper[at] ? each.toUpperCase() : each)).join("");
      assert.equal(parsePlain(spelt), name);
      assert.equal(parsePlain(`${spelt}.`), name);
    }),
  );
});

test("parentOf goes up one label at a time and ends at the top", () => {
  const host = parsePlain("a.b.example");
  assert.ok(host !== undefined);
  const parent = parentOf(host);
  assert.equal(parent, "b.example");
  assert.equal(parent && parentOf(parent), "example");
  assert.equal(parentOf(parsePlain("localhost")!), undefined);
});

const suffixes: readonly [host: string, suffix: string, expected: boolean][] = [
  ["localhost", "localhost", true],
  ["a.localhost", "localhost", true],
  ["a.b.localhost", "localhost", true],
  ["notlocalhost", "localhost", false],
  ["localhost.example", "localhost", false],
];

for (const [host, suffix, expected] of suffixes) {
  test(`${host} is ${expected ? "" : "not "}under ${suffix}`, () => {
    assert.equal(isUnder(host, suffix), expected);
  });
}
