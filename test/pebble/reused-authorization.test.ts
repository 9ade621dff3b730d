import assert from "node:assert/strict";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";
import { handshake } from "../support/visit.ts";

const HOST = "a.shop.example";
const RENEWALS = 3;

test("C13: with a CA that uses valid authorizations again no renewal arms a challenge, and each gets its certificate although the name leads nowhere", async () => {
  await using world = await CaWorld.start({ authzReuse: 100 });
  const issuers = `acme: { issuers: [${world.issuer()}] }`;
  await using latchkey = await world.start(`${issuers}\nhosts: { ${HOST}: { respond: ok } }`);
  await latchkey.event("certificate.swapped");
  assert.deepEqual([latchkey.count("challenge.armed"), latchkey.count("challenge.valid")], [1, 1]);
  const serials = new Set([(await settledRow(latchkey, HOST)).serial]);

  // The CA would find nothing: a challenge that was answered all the same would fail.
  await world.pebble.say("set-servfail", { host: `${HOST}.` });
  const args = ["src/latchkey.sh", "renew", HOST, "--config", latchkey.file];
  for (let renewal = 1; renewal <= RENEWALS; renewal += 1) {
    const { code, stderr } = await runProgram("sh", args);
    assert.equal(code, 0, stderr);
    const { serial, state } = await settledRow(latchkey, HOST);
    assert.equal(state, "valid");
    assert.equal(
      (await handshake(world.httpsPort, HOST, await world.pebble.roots())).serial,
      serial,
    );
    serials.add(serial);
  }
  assert.equal(serials.size, 1 + RENEWALS);
  assert.equal(world.asked.orders, 1 + RENEWALS);
  assert.deepEqual([latchkey.count("challenge.armed"), latchkey.count("challenge.valid")], [1, 1]);
});
