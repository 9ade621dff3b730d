import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";

test("revoke HOST has the CA declare the old certificate invalid, and nothing falls back to it", async () => {
  await using world = await CaWorld.start();
  const issuers = `acme: { issuers: [${world.issuer()}] }`;
  await using latchkey = await world.start(`${issuers}\nhosts: { shop.example: { respond: ok } }`);
  await latchkey.event("certificate.swapped");
  const before = await settledRow(latchkey, "shop.example");
  assert.match(await world.pebble.certificateStatus(before.serial ?? ""), /"Status": "Valid"/);

  const args = ["src/latchkey.sh", "revoke", "shop.example", "--reason", "superseded"];
  const { code, stdout, stderr } = await runProgram("sh", [...args, "--config", latchkey.file]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^shop.example: ${before.serial} is revoked; `, "m"));

  assert.match(await world.pebble.certificateStatus(before.serial ?? ""), /"Status": "Revoked"/);
  const now = await settledRow(latchkey, "shop.example");
  assert.notEqual(now.serial, before.serial);
  assert.equal(now.servedSerial, now.serial);
  const kept = await readdir(join(latchkey.storage, "certificates", "shop.example"));
  assert.deepEqual(
    kept.filter((name) => /^\d{6}$/.test(name)),
    ["000002"],
  );
});
