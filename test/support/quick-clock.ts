import { type Clock, systemClock } from "../../src/base/clock.ts";

/**
 * A clock that runs so many times as fast as the machine's, and starts at its time: waits are short, and how long they
 * are still shows.
 */
export function quickClock(times: number): Clock {
  const [startedAt, from] = [Date.now(), performance.now()];
  return {
    now: () => Math.round(startedAt + times * (performance.now() - from)),
    sleep: (ms, signal) => systemClock.sleep(ms / times, signal),
  };
}
