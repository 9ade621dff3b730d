import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";

const latchkey = await Latchkey.start({
  config: `
workers: 2
hosts:
  store.localhost: { respond: ok }
  passed.localhost: { passThrough: "127.0.0.1:9" }
  lost.example: { respond: ok, issuer: { directory: "https://127.0.0.1:1/directory" } }
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

test("renew HOST gets a new certificate now, shows how, and every client sees it", async () => {
  const before = await row("store.localhost");
  const { code, stdout } = await run("renew", "store.localhost");
  assert.equal(code, 0);
  const events = stdout.split("\n").map((line) => line.split(" ")[0]);
  assert.deepEqual(events.slice(0, 2), ["order.started", "order.created"]);
  assert.ok(events.includes("certificate.swapped"), stdout);
  const now = await row("store.localhost");
  assert.notEqual(now.serial, before.serial);
  assert.equal(now.servedSerial, now.serial);
  assert.match(stdout, new RegExp(`^store.localhost: ${now.serial} is in use until `, "m"));
});

test("retry HOST leaves a host alone that is well", async () => {
  const before = await row("store.localhost");
  const { code, stdout } = await run("retry", "STORE.localhost.");
  assert.equal(code, 0);
  assert.match(stdout, /^STORE\.localhost\.: nothing to try again: [0-9a-f]+ is in use until /);
  assert.equal((await row("store.localhost")).serial, before.serial);
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
  const before = await row("store.localhost");
  const { code, stderr } = await run("revoke", "store.localhost", "--reason", "keyCompromise");
  assert.equal(code, 1);
  assert.match(stderr, /is not revoked: Cannot revoke a certificate: the CA does not offer it/);
  assert.notEqual((await row("store.localhost")).serial, before.serial);
});

const refused = [
  { args: ["renew", "nobody.localhost"], says: /no host of the configuration is certified as/ },
  { args: ["renew", "a b"], says: /"a b" is no host/ },
  { args: ["renew", "passed.localhost"], says: /it is passed through/ },
  { args: ["revoke", "lost.example"], says: /storage holds no certificate/ },
  {
    args: ["revoke", "store.localhost", "--reason", "spite"],
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

test("renew without a running program ends with 1 and says so", async () => {
  await using stopped = await Latchkey.start({ config: "hosts: { a.localhost: { respond: ok } }" });
  await stopped.stop();
  const args = ["src/latchkey.sh", "renew", "a.localhost", "--config", stopped.file];
  const { code, stderr } = await runProgram("sh", args);
  assert.equal(code, 1);
  assert.match(stderr, /nothing is running on this storage/);
});

test("a certificate that was replaced stays as the one to fall back to", async () => {
  const generations = await readdir(join(latchkey.storage, "certificates", "store.localhost"));
  assert.equal(generations.filter((name) => /^\d{6}$/.test(name)).length, 2);
});
