import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { fillStorage } from "../support/filled-storage.ts";
import { temporaryFolder } from "../support/folders.ts";
import { amount } from "../support/full-numbers.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { named } from "../support/stored.ts";
import { shakeHands } from "../support/visitor.ts";
import { Webhook } from "../support/webhook.ts";

const NAMES = ["a.localhost", "b.localhost", "never-visited.localhost"];
const config = `
workers: 2
alerts: { webhook: env:HOOK }
hosts:
${NAMES.map((name) => `  ${name}: { respond: ok }`).join("\n")}
`;

test("S12: a storage that is deleted is served from memory, told of, and written back within a minute without an order", async () => {
  await using webhook = await Webhook.open();
  await using latchkey = await Latchkey.start({ config, env: { HOOK: webhook.url } });
  for (const name of NAMES)
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
  const [a = "", b = "", never = ""] = NAMES;
  const root = await readFile(latchkey.root, "utf8");
  const known = [await shakeHands(latchkey, a), await shakeHands(latchkey, b)];
  const { hosts } = await latchkey.status();

  const seen = latchkey.lines.length;
  const goneAt = performance.now();
  await rm(latchkey.storage, { recursive: true, maxRetries: 5 }); // it is being written into
  // The last one is in no worker's memory yet.
  const options = { ca: root };
  for (const [nth, name] of NAMES.entries())
    assert.deepEqual(await shakeHands(latchkey, name, options), { serial: hosts[nth]?.serial });
  await latchkey.event("storage.deleted");
  const isNew = (line: LogLine) => latchkey.lines.indexOf(line) >= seen;
  for (const name of NAMES)
    await latchkey.event("certificate.stored", (line) => isNew(line) && line["host"] === name);
  assert.ok(performance.now() - goneAt < 60_000);
  const notice = await webhook.notice(({ event }) => event === "storage.deleted");
  assert.equal(notice["state"], "begun");

  for (const [nth, name] of NAMES.entries()) {
    const stored = await readCurrent(join(latchkey.storage, "certificates"), named(name));
    assert.equal(stored?.credential.serial, hosts[nth]?.serial);
  }
  assert.equal(await readFile(latchkey.root, "utf8"), root);
  assert.ok((await readdir(latchkey.storage)).includes("FORMAT"));
  assert.equal(latchkey.count("order.started"), NAMES.length);
  assert.ok((await latchkey.status()).hosts.every(({ state }) => state === "valid"));

  const emptiedAt = latchkey.lines.length;
  const folder = join(latchkey.storage, "certificates");
  for (const entry of await readdir(join(folder, a)))
    await rm(join(folder, a, entry), { recursive: true });
  await latchkey.event("certificate.stored", (line) => latchkey.lines.indexOf(line) >= emptiedAt);
  const refilled = await readCurrent(folder, named(a));
  assert.equal(refilled?.credential.serial, hosts[0]?.serial);
  assert.equal(latchkey.count("order.started"), NAMES.length);

  const storage = latchkey.storage;
  await latchkey.kill();
  await using again = await Latchkey.start({ config, storage, env: { HOOK: webhook.url } });
  assert.deepEqual([await shakeHands(again, a), await shakeHands(again, b)], known);
  assert.ok("serial" in (await shakeHands(again, never)));
  assert.equal(again.count("order.started"), 0);
});

const COUNT = amount(100, 1_000);

test(`S12: a deleted storage of ${COUNT} hosts is back within a minute`, async (t) => {
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  const hosts = Array.from({ length: COUNT }, (_, nth) => `h${nth}.localhost`);
  await fillStorage(storage, hosts);
  const lines = hosts.map((host) => `  ${host}: { respond: ok }\n`);
  await using latchkey = await Latchkey.start({
    config: `workers: 2\nhosts:\n${lines.join("")}`,
    storage,
  });
  const startedAt = performance.now();
  await rm(storage, { recursive: true, maxRetries: 5 });
  await latchkey.event("storage.deleted");
  const foundMs = performance.now() - startedAt;
  const last = (line: LogLine) =>
    line.event === "certificate.stored" && latchkey.count("certificate.stored") === COUNT;
  await latchkey.event("certificate.stored", last);
  const backMs = performance.now() - startedAt;
  t.diagnostic(
    `found after ${Math.round(foundMs / 1_000)} s, all back after ${Math.round(backMs / 1_000)} s`,
  );
  assert.ok(backMs <= 60_000, `${backMs} ms`);
  assert.equal(latchkey.count("order.started"), 0);
});
