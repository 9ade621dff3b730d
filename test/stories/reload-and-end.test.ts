import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { amount } from "../support/full-numbers.ts";
import { Latchkey } from "../support/latchkey.ts";
import { seeded } from "../support/seeded.ts";

const config =
  "workers: 1\nacme: { issue: first-visit }\nhosts:\n  up.localhost: { respond: ok }\n";
/** A reload takes about so long: its end is among the moments, too. */
const RELOAD_MS = 1_500;
const TIMES = amount(24, 100);

test(`D14: a reload and SIGTERM at ${TIMES} random distances, either first, end the program with 0 within 31 s`, async (t) => {
  const random = seeded(14);
  let left = TIMES;
  let slowestMs = 0;
  const lane = async () => {
    while (left > 0) {
      left -= 1;
      const distanceMs = random(RELOAD_MS + 500) - 500; // SIGTERM after SIGHUP; below 0 before it
      const [first, second] = distanceMs < 0 ? TERM_FIRST : RELOAD_FIRST;
      await using latchkey = await Latchkey.start({ config });
      latchkey.process.kill(first);
      await delay(Math.abs(distanceMs)); // what this test is about: moments that no event marks
      const startedAt = performance.now();
      latchkey.process.kill(second);
      assert.equal(await latchkey.exited, 0, `${first}, then ${second} ${distanceMs} ms apart`);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    }
  };
  await Promise.all([lane(), lane()]);
  t.diagnostic(`the slowest end took ${Math.round(slowestMs)} ms`);
  assert.ok(slowestMs <= 31_000, `${slowestMs} ms`);
});

const RELOAD_FIRST = ["SIGHUP", "SIGTERM"] as const;
const TERM_FIRST = ["SIGTERM", "SIGHUP"] as const;
