import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";

const HOST = "a.shop.example";
const LEAF = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/;

test("C10: a window that moves into the past renews at once after a restart, and the new one keeps its moment", async () => {
  await using world = await CaWorld.start();
  const storage = join(world.folder, "storage");
  const config = `acme: { issuers: [${world.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`;
  const folder = join(storage, "certificates", HOST);
  const first = await world.start(config, { storage });
  await first.event("renewal-info.received");
  const row = await settledRow(first, HOST);
  const { start, end } = row.renewalInfo ?? assert.fail("there is no window");
  assert.ok(String(row.renewAt) >= start && String(row.renewAt) <= end);
  await first.stop();

  const [leaf = ""] = LEAF.exec(await readFile(join(folder, "current", "chain.pem"), "utf8")) ?? [];
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const explanationURL = "https://ca.example/incident";
  const suggestedWindow = { start: at(-2), end: at(-1) };
  await world.pebble.setRenewalInfo(leaf, JSON.stringify({ suggestedWindow, explanationURL }));
  // Pebble asks for six hours between two looks: the next one is moved up where it is kept.
  const file = join(folder, "renewal.json");
  const kept = JSON.parse(await readFile(file, "utf8"));
  assert.equal(kept.window.pickedAt, row.renewAt);
  await writeFile(file, JSON.stringify({ ...kept, nextCheckAt: at(0) }));

  await using second = await world.start(config, { storage });
  const { explanationUrl } = await second.event("renewal-info.explained");
  assert.equal(explanationUrl, explanationURL);
  const order = await second.event("order.created");
  assert.match(String(order["replaces"]), /^[\w-]+\.[\w-]+$/);
  const { serial } = await second.event("certificate.swapped");
  assert.notEqual(serial, row.serial);
  await second.event("renewal-info.received", (line) => String(line["renewAt"]) > at(24));
  const renewed = await settledRow(second, HOST);
  assert.deepEqual([renewed.state, renewed.attempts], ["valid", 0]);
  assert.equal(world.asked.issued, 2);
});
