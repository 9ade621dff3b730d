import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { METRICS } from "../src/admin/metrics.ts";
import { formatFault } from "../src/config/faults.ts";
import { diskFiles } from "../src/config/files.ts";
import { limits } from "../src/config/limits.ts";
import { parseConfig } from "../src/config/load.ts";
import { accessFacts } from "../src/http/access-log.ts";
import { inheritedFds } from "../src/process/listeners.ts";
import { unknownIds, unshown, withTable } from "./support/faults-table.ts";

const DOCUMENTS = [
  "README.md",
  "ARCHITECTURE.md",
  "FAULTS.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  "storage/README.md",
  "config/README.md",
  "config/METRICS.md",
] as const;
const README_MAX_LINES = 300;

const read = (file: string): string => readFileSync(file, "utf8");
const readme = read("README.md");
const faults = read("FAULTS.md");
const architecture = read("ARCHITECTURE.md");
const architectureTest = read("test/architecture.test.ts");
const manifest: {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
} = JSON.parse(read("package.json"));

test("the README is read in one sitting", () => {
  assert.ok(readme.trimEnd().split("\n").length <= README_MAX_LINES);
});

test("the README opens with a configuration of eight lines, then two commands", () => {
  const [first, second] = [...readme.matchAll(/```(\w*)\n(.*?)```/gs)];
  assert.equal(first?.[1], "yaml");
  assert.equal(first?.[2]?.trimEnd().split("\n").length, 8);
  assert.match(second?.[2] ?? "", /^npm ci && npm start .*\nnpx latchkey run --config .*\n$/);
});

for (const document of DOCUMENTS) {
  const text = read(document);

  for (const [index, yaml] of blocksOf(text, "yaml").entries()) {
    test(`configuration ${index + 1} of ${document} loads as it stands`, () => {
      const file = "/etc/latchkey/latchkey.yaml";
      const loaded = parseConfig(yaml, { file, files: diskFiles, cores: 2 });
      assert.deepEqual(loaded.ok ? [] : loaded.faults.map(formatFault), []);
    });
  }

  test(`${document} links to what exists, and to nothing outside`, () => {
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      assert.ok(existsSync(join(dirname(document), target)), `${document} links to ${target}`);
    }
  });

  test(`${document} names files that exist`, () => {
    const paths = /(?<![\w/.*-])(?:src|test|config|\.ci)\/[\w./-]*\w/g;
    for (const [path] of text.matchAll(paths)) {
      assert.ok(existsSync(path), `${document} names ${path}`);
    }
  });

  test(`${document} names npm scripts that exist`, () => {
    for (const [, run, bare] of text.matchAll(/\bnpm (?:run ([\w:]+)|(start|test)\b)/g)) {
      const script = run ?? bare ?? "";
      assert.ok(script in manifest.scripts, `${document} names npm run ${script}`);
    }
  });
}

test("the README names every setting that there is, and no other", () => {
  const schema: { readonly properties: object } = JSON.parse(read("config/schema.json"));
  const there = Object.keys(schema.properties);
  const named = rowsOf(sectionOf(readme, "Configuration"), "keys").flatMap(([keys = ""]) =>
    [...keys.matchAll(/`(\w+)`/g)].map(([, key = ""]) => key),
  );
  assert.deepEqual(named.toSorted(), there.toSorted());
});

test("the README has a row for every command", () => {
  const program = read("src/cli/program.ts");
  const commands = [...program.matchAll(/\bcommand\("([\w-]+)"/g)].map(([, name = ""]) => name);
  const rows = rowsOf(sectionOf(readme, "Commands"), "command");
  const named = rows.flatMap(([cell = ""]) =>
    [...cell.matchAll(/`latchkey ([\w-]+)/g)].map(([, name = ""]) => name),
  );
  assert.deepEqual(named.toSorted(), commands.toSorted());
});

const TOLD =
  /(?:\b[lL]og\.(?:debug|info|warn|error)|tolerateStorage)\(\s*"([a-z-]+(?:\.[a-z-]+)+)"/g;

test("the README lists the events that the program tells, and no other", () => {
  const sources = globSync("src/**/*.ts").map(read).join("\n");
  const events = sectionOf(readme, "Questions")
    .split("\n")
    .filter((line) => line.startsWith("- "))
    .flatMap((line) => [...line.matchAll(/`([a-z-]+(?:\.[a-z-]+)+)`/g)])
    .map(([, event = ""]) => event)
    .filter((event) => event !== "log.access");
  assert.ok(events.length > 0);
  for (const event of events) assert.ok(sources.includes(`"${event}"`), `nothing tells ${event}`);
  for (const [, event = ""] of sources.matchAll(TOLD))
    assert.ok(readme.includes(`\`${event}\``), `the README does not list ${event}`);
});

test("config/METRICS.md has a row for every metric as the program tells it, and no other", () => {
  const told = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
    return [`\`${name}\``, type, labels.map((label) => `\`${label}\``).join(", "), help];
  });
  const page = read("config/METRICS.md");
  assert.deepEqual(rowsOf(page, "metric"), told);
  for (const [name] of page.matchAll(/\blatchkey_\w+/g))
    assert.ok(
      Object.hasOwn(METRICS, name.replace(/_(?:bucket|sum|count)$/, "")),
      `no metric ${name}`,
    );
});

test("ARCHITECTURE has the import table that the architecture test executes", () => {
  const rows = rowsOf(architecture, "room").map(([room = "", , imports = ""]) => [
    room,
    imports === "nothing" ? [] : imports.split(", "),
  ]);
  assert.deepEqual(Object.fromEntries(rows), tableIn(architectureTest, "MAY_IMPORT"));
});

test("ARCHITECTURE has a row for every dependency, with the file that wraps it", () => {
  const rows = rowsOf(architecture, "package").map(([name = "", file = ""]) => [name, [file]]);
  const table = Object.fromEntries(rows);
  assert.deepEqual(table, tableIn(architectureTest, "WRAPPED_IN"));
  assert.deepEqual(Object.keys(table).toSorted(), Object.keys(manifest.dependencies).toSorted());
});

test("ARCHITECTURE has a reason for every other package", () => {
  const others = { ...manifest.devDependencies, ...manifest.optionalDependencies };
  for (const name of Object.keys(others)) {
    assert.ok(architecture.includes(`\`${name}\``), `ARCHITECTURE says nothing of ${name}`);
  }
});

test("ARCHITECTURE names source files that exist", () => {
  const known = new Set(globSync("{src,test}/**/*.ts").map((path) => basename(path)));
  for (const [, file = ""] of architecture.matchAll(/`([a-z0-9-]+\.ts)`/g)) {
    assert.ok(known.has(file), `ARCHITECTURE names ${file}`);
  }
});

test("every claim of the threat model names a test", () => {
  const rows = rowsOf(read("SECURITY.md"), "against");
  assert.ok(rows.length > 0);
  const tests = /^test\/\S+\.test\.ts(?:, test\/\S+\.test\.ts)*$/;
  for (const [claim = "", , shown = ""] of rows) assert.match(shown, tests, claim);
});

test("the systemd unit waits longer for the end than the program takes to drain", () => {
  const [, seconds = ""] = /^TimeoutStopSec=(\d+)$/m.exec(read("config/latchkey.service")) ?? [];
  assert.ok(Number(seconds) * 1_000 > limits.drainMaxMs + limits.heartbeatEveryMs);
});

test("the socket units hand their sockets over under names that the program knows", () => {
  const names = ["https", "http"].map((name) => {
    const unit = read(`config/latchkey-${name}.socket`);
    return /^FileDescriptorName=(\w+)$/m.exec(unit)?.[1];
  });
  const environment = { LISTEN_FDS: "2", LISTEN_FDNAMES: names.join(":") };
  assert.deepEqual(inheritedFds(environment, process.pid), { https: [3], http: [4] });
});

/** The fenced blocks of a language. */
test("config/README.md shows every field of a line of the access log", () => {
  const [, section = ""] = read("config/README.md").split("## The access log\n");
  const rows = [...section.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = ""]) => cell);
  const shown = rows.join().match(/(?<=`)\w+(?=`)/g) ?? [];
  const asked = { method: "GET", host: "a.example", target: "/", client: "192.0.2.1" };
  const ended = { status: 200, bytesIn: 0, bytesOut: 0, durationMs: 1, backend: undefined };
  const facts = accessFacts(
    { ...asked, clientCertificate: undefined, requestId: undefined },
    { ...ended, user: undefined, why: undefined },
    undefined,
    false,
  );
  assert.deepEqual([...shown].sort(), Object.keys(facts).sort());
});

function blocksOf(text: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n(.*?)^ *\`\`\``, "gms");
  return [...text.matchAll(fence)].map(([, indent = "", body = ""]) =>
    body.replaceAll(new RegExp(`^${indent}`, "gm"), ""),
  );
}

/** What stands under a heading of the second level. */
function sectionOf(text: string, heading: string): string {
  const found = text.split(/^## /m).find((section) => section.startsWith(`${heading}\n`));
  assert.ok(found, `no section ${heading}`);
  return found;
}

/** The rows of the table whose first column has this title, as cells. */
function rowsOf(text: string, title: string): string[][] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${title} |`));
  assert.ok(start !== -1, `no table with the column ${title}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** A record of lists as a test file writes it: `name: ["a", "b"],` on one line or several. */
function tableIn(source: string, name: string): Record<string, string[]> {
  const [, body = ""] =
    new RegExp(`const ${name}\\b.*?= \\{\\n(.*?)^\\};`, "ms").exec(source) ?? [];
  const entries = [...body.matchAll(/^ {2}"?([\w.-]+)"?: \[([^\]]*)\]/gm)];
  assert.ok(entries.length > 0, `no table ${name}`);
  const listOf = (text: string) => [...text.matchAll(/"([^"]+)"/g)].map(([, item = ""]) => item);
  return Object.fromEntries(entries.map(([, key = "", list = ""]) => [key, listOf(list)]));
}

test("FAULTS.md is what the tests' names say; if not: npm run faults", () => {
  assert.equal(withTable(faults), faults);
});

test("every fault of FAULTS.md is shown by a test, and every test that names a fault has its row", () => {
  assert.deepEqual(unshown(), []);
  assert.deepEqual(unknownIds(), []);
});
