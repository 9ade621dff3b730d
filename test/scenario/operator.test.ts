import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { askForHost } from "../../src/admin/client.ts";
import { programVersion } from "../../src/base/version.ts";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";

/** One program for all tests, in this order: first it is only asked, in the end it is stopped. */
const latchkey = await Latchkey.start({
  config: `
workers: 2
hosts:
  good.localhost: { respond: ok }
  "*.wild.localhost": { respond: ok, onDemand: { allow: [a.wild.localhost] } }
  lost.example: { respond: ok, issuer: { directory: "https://127.0.0.1:1/directory" } }
  passed.localhost: { passThrough: "127.0.0.1:9" }
`,
});
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped");
await latchkey.event("certificate.failed", ({ host }) => host === "lost.example");

const run = (...args: readonly string[]) =>
  runProgram("sh", ["src/latchkey.sh", ...args, "--config", latchkey.file]);
const row = async (name: string) => {
  const { hosts } = await latchkey.status();
  return hosts.find(({ host }) => host === name) ?? assert.fail(`no row for ${name}`);
};

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
function rowsOf(parsed: { readonly hosts: readonly Row[] }, attempts = 1): readonly Row[] {
  for (const row of parsed.hosts) assert.deepEqual(Object.keys(row), ROW);
  const [good, wild, lost] = parsed.hosts;
  assert.deepEqual([good?.["host"], good?.["state"]], ["good.localhost", "valid"]);
  assert.match(String(good?.["serial"]), /^(?:[0-9a-f]{2})+$/);
  for (const key of ["notBefore", "notAfter", "renewAt"]) assert.match(String(good?.[key]), TIME);
  assert.deepEqual([good?.["attempts"], good?.["nextAttemptAt"], good?.lastError], [0, null, null]);

  assert.deepEqual([wild?.["host"], wild?.["state"]], ["*.wild.localhost", "waiting"]);
  assert.deepEqual(new Set(Object.values(wild ?? {}).slice(2)), new Set([null, 0]));

  assert.deepEqual([lost?.["host"], lost?.["state"]], ["lost.example", "failed"]);
  assert.equal(lost?.["attempts"], attempts);
  assert.match(String(lost?.["nextAttemptAt"]), TIME);
  assert.deepEqual(Object.keys(lost?.lastError ?? {}), ["type", "detail", "hint", "at"]);
  assert.match(lost?.lastError?.["at"] ?? "", TIME);
  assert.notEqual(lost?.lastError?.["hint"], "");
  return parsed.hosts;
}

test("certs --json of the running program has the promised shape, and ends with 1 for a failed host", async () => {
  const { code, stdout } = await run("certs", "--json");
  assert.equal(code, 1);
  const parsed = JSON.parse(stdout);
  assert.deepEqual(Object.keys(parsed), ["hosts"]);
  const [good] = rowsOf(parsed);
  assert.equal(good?.["servedSerial"], good?.["serial"]);
});

test("status --json adds version, start and workers, and ends with 1 for a failed host", async () => {
  const { code, stdout } = await run("status", "--json");
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
  const { stdout } = await run("status");
  assert.match(
    stdout,
    /^latchkey \S+, pid \d+, running since .*worker 1 \(pid \d+\), worker 2 \(pid \d+\)/,
  );
  assert.match(stdout, /^good\.localhost +valid +in \d/m);
  assert.match(stdout, /^lost\.example +failed +- +attempt in \d/m);
  assert.match(stdout, /^ {2}last error .*\n {2}.*\n {2}→ /m);
  assert.ok(!stdout.includes("\x1b"), "colours in a pipe");
});

test("renew HOST gets a new certificate now, shows how, and every client sees it", async () => {
  const before = await row("good.localhost");
  const { code, stdout } = await run("renew", "good.localhost");
  assert.equal(code, 0);
  const events = stdout.split("\n").map((line) => line.split(" ")[0]);
  assert.deepEqual(events.slice(0, 2), ["order.started", "order.created"]);
  assert.ok(events.includes("certificate.swapped"), stdout);
  const now = await row("good.localhost");
  assert.notEqual(now.serial, before.serial);
  assert.equal(now.servedSerial, now.serial);
  assert.match(stdout, new RegExp(`^good.localhost: ${now.serial} is in use until `, "m"));
});

const generations = async () =>
  (await readdir(join(latchkey.storage, "certificates", "good.localhost"))).filter((name) =>
    /^\d{6}$/.test(name),
  );

test("a certificate that was replaced stays as the one to fall back to", async () => {
  assert.equal((await generations()).length, 2);
});

test("retry HOST leaves a host alone that is well", async () => {
  const before = await row("good.localhost");
  const { code, stdout } = await run("retry", "GOOD.localhost.");
  assert.equal(code, 0);
  assert.match(stdout, /^GOOD\.localhost\.: nothing to try again: [0-9a-f]+ is in use until /);
  assert.equal((await row("good.localhost")).serial, before.serial);
});

test("retry HOST tries at once what would have waited, and ends with 1 when it fails again", async () => {
  const before = await row("lost.example");
  const { code, stdout, stderr } = await run("retry", "lost.example");
  assert.equal(code, 1);
  assert.match(stdout, /^order\.started host=lost\.example/m);
  assert.match(stderr, /^latchkey: Cannot retry lost\.example: ACME_UNREACHABLE: /);
  assert.equal((await row("lost.example")).attempts, before.attempts + 1);
});

test("revoke HOST replaces a certificate also when its CA knows no revocation, and says that it does not", async () => {
  const before = await row("good.localhost");
  const { code, stderr } = await run("revoke", "good.localhost", "--reason", "keyCompromise");
  assert.equal(code, 1);
  assert.match(stderr, /is not revoked: Cannot revoke a certificate: the CA does not offer it/);
  assert.notEqual((await row("good.localhost")).serial, before.serial);
  assert.equal((await generations()).length, 1, "nothing falls back to a compromised key");
});

/** What is refused, and what is unknown: the command ends alike with all that is not done. */
const refused = [
  { args: ["revoke", "lost.example"], says: /storage holds no certificate/ },
  {
    args: ["revoke", "good.localhost", "--reason", "spite"],
    says: /"spite" is no reason, wanted unspecified, keyCompromise, /,
  },
];

for (const { args, says } of refused) {
  test(`${args.join(" ")} ends with 1 and says why`, async () => {
    const { code, stderr } = await run(...args);
    assert.equal(code, 1);
    assert.match(stderr, says);
  });
}

const unheeded = [
  { host: "nobody.localhost", says: /no host of the configuration is certified as/ },
  { host: "a b", says: /"a b" is no host/ },
  { host: "passed.localhost", says: /it is passed through/ },
];

for (const { host, says } of unheeded) {
  test(`renew ${host} is refused, and the admin socket says why`, async () => {
    const request = { host, action: "renew", reason: undefined } as const;
    const socket = join(latchkey.storage, "admin.sock");
    const { outcome, detail } = await askForHost(socket, request, () => {});
    assert.notEqual(outcome, "done");
    assert.match(detail, says);
  });
}

test("when nothing runs, certs and status read from storage", async () => {
  const { attempts } = await row("lost.example");
  assert.equal(await latchkey.stop(), 0);
  const certs = await run("certs", "--json");
  assert.equal(certs.code, 1);
  const [good] = rowsOf(JSON.parse(certs.stdout), attempts);
  assert.equal(good?.["servedSerial"], null);

  const text = `storage: ${latchkey.storage}\nhosts: { good.localhost: { respond: ok } }\n`;
  await writeFile(latchkey.file, text);
  const status = await run("status");
  assert.equal(status.code, 0);
  assert.match(status.stdout, /not running.*^good\.localhost +valid/ms);
});

test("renew without a running program ends with 1 and says so", async () => {
  const { code, stderr } = await run("renew", "good.localhost");
  assert.equal(code, 1);
  assert.match(stderr, /nothing is running on this storage/);
});
