import assert from "node:assert/strict";
import { test } from "node:test";
import { Workers } from "../../src/certificate/workers.ts";
import { limits } from "../../src/config/limits.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog } from "../support/stored.ts";

const of = (index: number, isCurrent: boolean) =>
  ({ index, pid: 1, startedAt: 0, ready: true, isCurrent, isDraining: false }) as const;

/** Whether orders may begin, after `told` and a while. */
function world() {
  const clock = new ManualClock();
  const workers = new Workers({
    ...{ clock, log: keptLog(), hosts: [], https: undefined, findHost: () => undefined },
    signal: new AbortController().signal,
    broadcast: () => {},
    askWorker: async () => ({ type: "heartbeat" }),
  });
  let mayBegin = false;
  void workers.canAnswer().then(() => {
    mayBegin = true;
  });
  const begun = async () => {
    await new Promise(setImmediate);
    return mayBegin;
  };
  return { clock, workers, begun };
}

test("orders begin when a worker of the configuration of now is ready: one of before may not listen where the CA looks", async () => {
  const { workers, begun } = world();
  workers.changed([of(1, false)]);
  assert.equal(await begun(), false);
  workers.changed([of(1, false), of(2, true)]);
  assert.equal(await begun(), true);
});

test("when no new worker is ready for long, orders begin with those of before", async () => {
  const { clock, workers, begun } = world();
  workers.changed([of(1, false)]);
  clock.advance(limits.readyTimeoutMs - 1);
  assert.equal(await begun(), false);
  clock.advance(1);
  assert.equal(await begun(), true);
});
