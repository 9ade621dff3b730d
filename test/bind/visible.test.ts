import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { createRfc2136 } from "../../src/dns/rfc2136.ts";
import { untilVisible } from "../../src/dns/visible.ts";
import { startBind } from "../support/bind.ts";
import { ManualClock } from "../support/manual-clock.ts";

const never = new AbortController().signal;
const bind = await startBind({ zones: { "shop.example": "" }, withSecondary: true });
after(() => bind[Symbol.asyncDispose]());
const record = { name: "_acme-challenge.shop.example", value: "wanted" };

test("a record is there when the secondary has it too, and not before", async () => {
  const secret = Buffer.from(bind.secret, "base64");
  const provider = createRfc2136({
    server: bind.address,
    key: { name: "latchkey", algorithm: "hmac-sha256", secret },
    clock: systemClock,
    ttlSeconds: 1,
    timeoutMs: 10_000,
  });
  await provider.publish(record, never);
  assert.deepEqual(await bind.txt(record.name), ["wanted"]);
  assert.deepEqual(await bind.txt(record.name, bind.secondary), []);

  const clock = new ManualClock();
  let isSeen = false;
  const work = untilVisible(
    record,
    {
      resolvers: { servers: [bind.address], timeoutMs: 5_000, tries: 2 },
      servers: [bind.address, bind.secondary],
      port: 53,
      clock,
      everyMs: 2_000,
      silentMs: 15_000,
      timeoutMs: 120_000,
    },
    never,
  ).then(() => {
    isSeen = true;
  });
  await clock.asleep(1);
  clock.advance(2_000);
  await clock.asleep(1);
  assert.equal(isSeen, false);
  await bind.refreshSecondary();
  clock.advance(2_000);
  await work;
  assert.deepEqual(await bind.txt(record.name, bind.secondary), ["wanted"]);
});
