import assert from "node:assert/strict";
import { test } from "node:test";
import { Gathering, type WorkerAnswer } from "../../src/admin/gathering.ts";
import { CLASSES, Counts, PLACES } from "../../src/base/counts.ts";

const HOSTS = ["a.example", "b.example"];
const OK = CLASSES.indexOf("2xx");

/** Workers that count; one that is `undefined` does not answer. */
class Crew {
  readonly workers = new Map<number, Counts | undefined>();
  readonly gathering: Gathering;

  constructor(isFirst = true) {
    this.gathering = new Gathering({
      hosts: HOSTS,
      isFirst,
      ask: async (worker, withDelays): Promise<WorkerAnswer> => {
        const counts = this.workers.get(worker);
        if (counts === undefined) throw new Error("too late");
        const use = { process: "manager", residentBytes: worker, cpuSeconds: 0 };
        const delays = withDelays ? { p99: 0.25, max: 0.5 } : undefined;
        return { counts: counts.take(), use, delays };
      },
    });
  }

  /** Who lives now. */
  live(...indexes: readonly number[]): void {
    for (const index of indexes)
      if (!this.workers.has(index)) this.workers.set(index, new Counts(HOSTS));
    this.gathering.changed(indexes.map((index) => ({ index, ready: true })));
  }

  /** A worker answers so many requests. */
  serve(worker: number, times: number, host = "a.example"): void {
    const requests = this.workers.get(worker)?.of("h2", host);
    for (let left = times; left > 0; left -= 1) {
      requests?.began();
      requests?.ended("GET", 200, 1, 0, 100);
    }
  }

  async bytesOut(): Promise<number | undefined> {
    return (await this.gathering.gather()).totals[PLACES.bodyBytes + 1];
  }
}

test("what all workers counted is added up, by host too", async () => {
  const crew = new Crew();
  crew.live(1, 2);
  crew.serve(1, 2);
  crew.serve(2, 3);
  crew.serve(2, 1, "b.example");
  crew.serve(1, 5, "of.another.file");
  const { totals, hosts, silent, uses, delays } = await crew.gathering.gather();
  assert.equal(totals[PLACES.bodyBytes + 1], 1_100);
  assert.deepEqual(
    HOSTS.concat("_other").map((host) => hosts.get(host)?.[OK]),
    [5, 1, 5],
  );
  assert.equal(silent, 0);
  assert.deepEqual(
    uses.map(({ process }) => process),
    ["worker 1", "worker 2"],
  );
  assert.deepEqual(delays.get("worker 2"), { p99: 0.25, max: 0.5 });
});

test("a worker that does not answer is told, and keeps what it said before", async () => {
  const crew = new Crew();
  crew.live(1, 2);
  crew.serve(1, 2);
  assert.equal(await crew.bytesOut(), 200);
  crew.workers.set(1, undefined);
  crew.serve(2, 1);
  const { totals, silent } = await crew.gathering.gather();
  assert.deepEqual([totals[PLACES.bodyBytes + 1], silent], [300, 1]);
});

test("no sum falls when workers die, are replaced, and say their last word late", async () => {
  const crew = new Crew();
  crew.live(1);
  crew.serve(1, 4);
  assert.equal(await crew.bytesOut(), 400);
  crew.serve(1, 1);
  crew.live(2);
  assert.equal(await crew.bytesOut(), 400);
  crew.gathering.lastWord(1, (crew.workers.get(1) ?? assert.fail()).take());
  assert.equal(await crew.bytesOut(), 500);
  for (let index = 3; index < 60; index += 1) {
    crew.live(index);
    crew.serve(index, 1);
    assert.equal(await crew.bytesOut(), 500 + 100 * (index - 2));
  }
  crew.gathering.lastWord(99, new Counts(HOSTS).take());
  assert.equal(await crew.bytesOut(), 500 + 100 * 57);
});

test("a later manager begins at nothing, whatever workers of before had counted", async () => {
  const crew = new Crew(false);
  crew.workers.set(1, new Counts(HOSTS));
  crew.serve(1, 7);
  crew.live(1);
  assert.equal(await crew.bytesOut(), 0);
  crew.live(1, 2);
  crew.serve(1, 1);
  crew.serve(2, 2);
  assert.equal(await crew.bytesOut(), 300);
  crew.live(2);
  assert.equal(await crew.bytesOut(), 300);
});

test("of what a worker counted before it first answered a later manager, nothing comes all at once", async () => {
  const crew = new Crew(false);
  crew.workers.set(1, undefined);
  crew.live(1);
  assert.equal(await crew.bytesOut(), 0);
  crew.workers.set(1, new Counts(HOSTS));
  crew.serve(1, 5);
  assert.equal(await crew.bytesOut(), 0);
  crew.serve(1, 1);
  assert.equal(await crew.bytesOut(), 100);
});

test("a worker that is not ready is not waited for", async () => {
  const crew = new Crew();
  crew.workers.set(1, undefined);
  crew.gathering.changed([{ index: 1, ready: false }]);
  assert.equal((await crew.gathering.gather()).silent, 0);
});
