import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createHttpsTransport } from "../../src/acme/transport.ts";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";
import type { Latchkey } from "../support/latchkey.ts";
import { RawAcmeClient } from "../support/raw-acme-client.ts";

const HOSTS = ["a.shop.example", "b.shop.example", "c.shop.example"];

test("an account that was deactivated gives way to one new account, and every order goes on", async () => {
  await using world = await CaWorld.start();
  await using latchkey = await world.start(`
workers: 1
limits: { orderPaceMs: 0 }
acme: { issuers: [${world.issuer()}] }
hosts: { ${HOSTS.map((host) => `${host}: { respond: ok }`).join(", ")} }`);
  for (const wanted of HOSTS)
    await latchkey.event("certificate.swapped", ({ host }) => host === wanted);
  const before = await storedAccount(latchkey);
  await deactivate(world, before);

  const outcomes = await Promise.all(HOSTS.map((host) => renew(latchkey, host)));
  for (const { code, stdout, stderr } of outcomes) assert.equal(code, 0, `${stdout}${stderr}`);
  for (const host of HOSTS) {
    const row = await settledRow(latchkey, host);
    assert.deepEqual([row.state, row.attempts, row.lastError], ["valid", 0, null]);
  }
  const after = await storedAccount(latchkey);
  assert.notEqual(after.url, before.url);
  assert.notEqual(after.key, before.key);
  assert.equal(latchkey.count("account.lost"), 1);
  assert.deepEqual(world.asked, { accounts: 2, orders: 6, issued: 6 });
  const { hosts } = await latchkey.status();
  assert.equal(new Set(hosts.map(({ serial }) => serial)).size, HOSTS.length);
});

async function storedAccount({ storage }: Latchkey) {
  const [name = ""] = await readdir(join(storage, "accounts"));
  const folder = join(storage, "accounts", name);
  const { url } = JSON.parse(await readFile(join(folder, "account.json"), "utf8"));
  return { url: String(url), key: await readFile(join(folder, "account.key"), "utf8") };
}

/** As somebody else who has the key may do it (RFC 8555 §7.3.6). */
async function deactivate(
  { directory, pebble }: CaWorld,
  account: { readonly url: string; readonly key: string },
): Promise<void> {
  const transport = createHttpsTransport({
    userAgent: "latchkey-test",
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 5_000,
    totalTimeoutMs: 5_000,
    answerMaxBytes: 262_144,
    trust: pebble.trustPem,
  });
  try {
    const client = new RawAcmeClient({ transport, directory }, createPrivateKey(account.key));
    client.kid = account.url;
    const { status, body } = await client.post(account.url, { status: "deactivated" });
    assert.deepEqual([status, JSON.parse(body).status], [200, "deactivated"]);
  } finally {
    transport.close();
  }
}

function renew({ file }: Latchkey, host: string) {
  return runProgram("sh", ["src/latchkey.sh", "renew", host, "--config", file]);
}
