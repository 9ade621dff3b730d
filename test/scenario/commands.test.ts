import assert from "node:assert/strict";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { programVersion } from "../../src/base/version.ts";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";

const folder = await temporaryFolder();
const latchkey = await Latchkey.start({
  config: `
workers: 2
hosts:
  good.localhost: { respond: ok }
  "*.wild.localhost": { respond: ok, onDemand: { allow: [a.wild.localhost] } }
  lost.example: { respond: ok, issuer: { directory: "https://127.0.0.1:1/directory" } }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
await latchkey.event("certificate.swapped");
await latchkey.event("certificate.failed", ({ host }) => host === "lost.example");

const run = (...args: readonly string[]) => runProgram("sh", ["src/latchkey.sh", ...args]);

/** A configuration file with this text on the storage of the running program. */
async function configured(name: string, text: string): Promise<string> {
  const file = join(folder.path, name);
  await writeFile(file, text);
  return file;
}

const ROW = [
  "host",
  "state",
  "issuer",
  "serial",
  "notBefore",
  "notAfter",
  "renewAt",
  "renewalInfo",
  "attempts",
  "nextAttemptAt",
  "lastError",
  "servedSerial",
];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

interface Row {
  readonly [key: string]: unknown;
  readonly lastError: Readonly<Record<string, string>> | null;
}

/** The rows of `certs --json` and `status --json`, held to the shape that programs rely on. */
function rowsOf(parsed: { readonly hosts: readonly Row[] }): readonly Row[] {
  for (const row of parsed.hosts) assert.deepEqual(Object.keys(row), ROW);
  const [good, wild, lost] = parsed.hosts;
  assert.deepEqual([good?.["host"], good?.["state"]], ["good.localhost", "valid"]);
  assert.match(String(good?.["serial"]), /^(?:[0-9a-f]{2})+$/);
  for (const key of ["notBefore", "notAfter", "renewAt"]) assert.match(String(good?.[key]), TIME);
  assert.deepEqual([good?.["attempts"], good?.["nextAttemptAt"], good?.lastError], [0, null, null]);

  assert.deepEqual([wild?.["host"], wild?.["state"]], ["*.wild.localhost", "waiting"]);
  assert.deepEqual(new Set(Object.values(wild ?? {}).slice(2)), new Set([null, 0]));

  assert.deepEqual([lost?.["host"], lost?.["state"]], ["lost.example", "failed"]);
  assert.equal(lost?.["attempts"], 1);
  assert.match(String(lost?.["nextAttemptAt"]), TIME);
  assert.deepEqual(Object.keys(lost?.lastError ?? {}), ["type", "detail", "hint", "at"]);
  assert.match(lost?.lastError?.["at"] ?? "", TIME);
  assert.notEqual(lost?.lastError?.["hint"], "");
  return parsed.hosts;
}

test("certs --json of the running program has the promised shape, and ends with 1 for a failed host", async () => {
  const { code, stdout } = await run("certs", "--json", "--config", latchkey.file);
  assert.equal(code, 1);
  const parsed = JSON.parse(stdout);
  assert.deepEqual(Object.keys(parsed), ["hosts"]);
  const [good] = rowsOf(parsed);
  assert.equal(good?.["servedSerial"], good?.["serial"]);
});

test("status --json adds version, start and workers, and ends with 1 for a failed host", async () => {
  const { code, stdout } = await run("status", "--json", "--config", latchkey.file);
  assert.equal(code, 1);
  const parsed = JSON.parse(stdout);
  rowsOf(parsed);
  assert.equal(parsed.version, programVersion());
  assert.match(parsed.startedAt, TIME);
  assert.equal(parsed.pid, latchkey.process.pid);
  assert.deepEqual(
    parsed.workers.map(({ index, ready }: Row) => [index, ready]),
    [
      [1, true],
      [2, true],
    ],
  );
});

test("status is for people where no one asks for JSON, with the last error and what to do", async () => {
  const { stdout } = await run("status", "--config", latchkey.file);
  assert.match(
    stdout,
    /^latchkey \S+, pid \d+, running since .*worker 1 \(pid \d+\), worker 2 \(pid \d+\)/,
  );
  assert.match(stdout, /^good\.localhost +valid +in \d/m);
  assert.match(stdout, /^lost\.example +failed +- +attempt in \d/m);
  assert.match(stdout, /^ {2}last error .*\n {2}.*\n {2}→ /m);
  assert.ok(!stdout.includes("\x1b"), "colours in a pipe");
});

test("when nothing runs, certs and status read from storage", async () => {
  assert.equal(await latchkey.stop(), 0);
  const certs = await run("certs", "--json", "--config", latchkey.file);
  assert.equal(certs.code, 1);
  const [good] = rowsOf(JSON.parse(certs.stdout));
  assert.equal(good?.["servedSerial"], null);

  const text = `storage: ${latchkey.storage}\nhosts: { good.localhost: { respond: ok } }\n`;
  const status = await run("status", "--config", await configured("good.yaml", text));
  assert.equal(status.code, 0);
  assert.match(status.stdout, /not running.*^good\.localhost +valid/ms);
});

test("before the first run, certs and status say what waits, and end with 0", async () => {
  const text = `storage: never/made
hosts:
  a.localhost: { respond: ok }
  b.localhost: { passThrough: 127.0.0.1:1 }
`;
  const file = await configured("new.yaml", text);
  const certs = await run("certs", "--json", "--config", file);
  assert.deepEqual([certs.code, certs.stderr], [0, ""]);
  const states = JSON.parse(certs.stdout).hosts.map(({ host, state }: Row) => [host, state]);
  assert.deepEqual(states, [
    ["a.localhost", "waiting"],
    ["b.localhost", "pass-through"],
  ]);
  const status = await run("status", "--config", file);
  assert.equal(status.code, 0);
  assert.match(status.stdout, /not running.*^a\.localhost +waiting .*waits for its turn$/ms);
});

test("check prints the routing table", async () => {
  const text = `
hosts:
  shop.example: 3001
  old.example: { redirect: shop.example }
`;
  const { code, stdout, stderr } = await run("check", "--config", await configured("c.yaml", text));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^shop\.example +→ http:\/\/127\.0\.0\.1:3001 +letsencrypt$/m);
  assert.match(stdout, /^old\.example +redirect 308 https:\/\/shop\.example +letsencrypt$/m);
});

const FAULTS = `
wrokers: 2
hosts:
  shop.example: { to: 3001, respnod: x }
  "*.example": 3002
  SHOP.example: 99999
`;

for (const command of ["check", "run"]) {
  test(`${command} tells every fault with its place, and ends with 2`, async () => {
    const file = await configured("faults.yaml", FAULTS);
    const { code, stdout, stderr } = await run(command, "--config", file);
    assert.deepEqual([code, stdout], [2, ""]);
    const lines = stderr.trimEnd().split("\n");
    const places = [
      /:2:1: wrokers: .*workers/,
      /:4:29: hosts\["shop\.example"\]\.respnod: .*respond/,
      /:5:3: hosts\["\*\.example"\].*: .*onDemand/,
      /:6:3: hosts\["SHOP\.example"\]: /,
      /:6:17: hosts\["SHOP\.example"\]: /,
    ];
    assert.equal(lines.length, places.length, stderr);
    for (const place of places)
      assert.ok(
        lines.some((line) => place.test(line)),
        `${place}\n${stderr}`,
      );
  });
}

/** What stands where the storage should, what `check` says of it, and how it ends. */
const storages: readonly {
  readonly what: string;
  readonly make: (path: string) => Promise<unknown>;
  readonly told: RegExp;
  readonly code: number;
}[] = [
  { what: "nothing", make: async () => {}, told: /^$/, code: 0 },
  {
    what: "a file",
    make: (path) => writeFile(path, ""),
    told: /:1:10: storage: .*"[^"]+" is not a folder; Name another folder/,
    code: 2,
  },
  {
    what: "a newer format",
    make: async (path) => {
      await mkdir(path, { mode: 0o700 });
      await writeFile(join(path, "FORMAT"), "999\n");
    },
    told: /:1:10: storage: .*a newer Latchkey wrote it/,
    code: 2,
  },
  {
    what: "a folder that all may read",
    make: async (path) => {
      await mkdir(path);
      await chmod(path, 0o755);
    },
    told: /^latchkey: .*open to other users \(mode 755\).*The next start tightens it to 700\n$/,
    code: 0,
  },
];

for (const { what, make, told, code } of storages) {
  test(`check of a storage that is ${what} ends with ${code}, and changes nothing`, async () => {
    const path = join(folder.path, `storage of ${what}`);
    await make(path);
    const before = await stat(path).catch(() => undefined);
    const text = `storage: ${path}\nhosts: { shop.example: 3001 }\n`;
    const file = await configured("storage.yaml", text);
    const check = await run("check", "--config", file);
    assert.equal(check.code, code, check.stderr);
    assert.match(check.stderr, told);
    assert.equal(check.stdout === "", code === 2);
    const after = await stat(path).catch(() => undefined);
    assert.deepEqual([after?.mode, after?.mtimeMs], [before?.mode, before?.mtimeMs]);
  });
}

test("doctor says of a storage that is none what is wrong with it, and ends with 1", async () => {
  const path = join(folder.path, "no folder");
  await writeFile(path, "");
  const file = await configured("no.yaml", `storage: ${path}\nhosts: { shop.example: 3001 }\n`);
  const { code, stdout, stderr } = await run("doctor", "--json", "--config", file);
  assert.deepEqual([code, stderr], [1, ""]);
  const [finding] = JSON.parse(stdout).machine;
  assert.deepEqual([finding.severity, finding.code], ["problem", "storage.unusable"]);
  assert.match(finding.saw, /is not a folder/);
});

const usage: readonly [args: readonly string[], code: number, told: RegExp][] = [
  [["--help"], 0, /Usage: latchkey/],
  [["check", "--help"], 0, /--config <file>/],
  [["--version"], 0, /^\d+\.\d+\.\d+\n$/],
  [["chekc"], 2, /unknown command 'chekc'/],
  [["check", "--port", "1"], 2, /unknown option '--port'/],
  [["check", "--config", "/nowhere/latchkey.yaml"], 2, /Cannot .*\/nowhere\/latchkey\.yaml/],
];

for (const [args, code, told] of usage) {
  test(`latchkey ${args.join(" ")} ends with ${code}`, async () => {
    const outcome = await run(...args);
    assert.equal(outcome.code, code);
    assert.match(code === 0 ? outcome.stdout : outcome.stderr, told);
  });
}
