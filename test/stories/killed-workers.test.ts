import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { startLoad } from "../support/load.ts";
import { alone, strain } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

const HOST = "up.localhost";
const REPLACED_MS = 1_000;
/** For 19 of 20: a machine may be slow in a way that busy work does not show. */
const SLACK = 3;
const configOf = (workers: number) => `workers: ${workers}\nhosts:\n  ${HOST}: { respond: ok }\n`;

async function start(workers: number): Promise<Latchkey> {
  const latchkey = await Latchkey.start({ config: configOf(workers) });
  await latchkey.event("certificate.swapped");
  return latchkey;
}

async function workerPids(latchkey: Latchkey): Promise<number[]> {
  return (await latchkey.status()).workers.map(({ pid }) => pid);
}

test("D1: under load a killed worker is replaced within a second as a rule, and no new connection fails", async (t) => {
  // Each worker dies once: one that dies again and again is waited with.
  const times: number[] = [];
  for (const workers of [10, 10]) {
    await using latchkey = await start(workers);
    for (const pid of await workerPids(latchkey)) {
      const load = startLoad(latchkey.httpsPort, [HOST], readFileSync(latchkey.root, "utf8"));
      const replaced = latchkey.nextEvent("process.ready");
      const took = await alone(async () => {
        process.kill(pid, "SIGKILL");
        await replaced;
      });
      times.push(took);
      const { count, failed } = await load.stop();
      assert.ok(count > 0);
      // The two visitors may have been in the worker that is killed, with one connection each.
      assert.ok(failed.length <= 2, failed.join("\n"));
    }
  }
  times.sort((one, other) => one - other);
  t.diagnostic(`${times.map(Math.round).join(" ")} ms`);
  assert.equal(times.length, 20);
  assert.ok((times[10] ?? 0) <= REPLACED_MS, `${times}`);
  assert.ok((times[18] ?? 0) <= SLACK * REPLACED_MS, `${times}`);
});

test("D2: when all workers are killed at once nobody is refused, and the next ones serve within 2 s", async (t) => {
  await using latchkey = await start(2);
  for (let round = 1; round <= 3; round += 1) {
    const patienceMs = 3_000 * strain();
    const took = await alone(async () => {
      for (const pid of await workerPids(latchkey)) process.kill(pid, "SIGKILL");
      const visitors = Array.from({ length: 20 }, () => shakeHands(latchkey, HOST));
      const startedAt = performance.now();
      for (const handshake of await Promise.all(visitors)) assert.ok("serial" in handshake);
      assert.ok(performance.now() - startedAt <= patienceMs);
    });
    t.diagnostic(`round ${round}: ${Math.round(took)} ms`);
    assert.ok(took <= 2_000, `${took} ms`);
    // Both have to be there before both are killed again.
    while ((await latchkey.status()).workers.filter(({ ready }) => ready).length < 2);
  }
});
