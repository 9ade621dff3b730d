import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attempt, OrderQueue } from "../../src/certificate/order-queue.ts";
import { ManualClock } from "../support/manual-clock.ts";

const CA = "https://ca.example/directory";
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A queue on a virtual clock; attempts end when told. */
function queueOf(paceMs: number, inFlightMax = 3) {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const started: { readonly what: string; readonly at: number }[] = [];
  const ends = new Map<string, () => void>();
  const { signal } = stopping;
  const queue = new OrderQueue({ clock, signal, inFlightMax, paceMsOf: () => paceMs });
  const origin = clock.now();
  const join = (what: string, rank: number, more: Partial<Attempt> = {}) =>
    queue.run({ name: what, directory: CA, rank, waitFor: () => undefined, ...more }, () => {
      started.push({ what, at: clock.now() - origin });
      return new Promise((resolve) => ends.set(what, resolve));
    });
  return { queue, clock, stopping, started, join, end: (what: string) => ends.get(what)?.() };
}

test("C15: a thousand names that are due at once start one in 2 s, the nearest expiry first, and no more than 10 at once", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const queue = new OrderQueue({ clock, signal, inFlightMax: 10, paceMsOf: () => 2_000 });
  const starts: { readonly rank: number; readonly at: number }[] = [];
  let running = 0;
  const names = Array.from({ length: 1_000 }, (_, index) => (index * 617) % 1_000);
  const all = names.map((rank) =>
    queue.run({ name: `${rank}`, directory: CA, rank, waitFor: () => undefined }, async () => {
      starts.push({ rank, at: clock.now() });
      running += 1;
      assert.ok(running <= 10);
      await clock.sleep(30_000, signal);
      running -= 1;
    }),
  );
  await turn();
  for (let seconds = 0; starts.length < 1_000; seconds += 1) {
    clock.advance(1_000);
    await turn();
    assert.ok(seconds < 10_000, `${starts.length} started`);
  }
  const gaps = starts.slice(1).map(({ at }, index) => at - (starts[index]?.at ?? 0));
  assert.ok(gaps.every((gap) => gap >= 2_000));
  // The one that came first had nobody to give way to.
  const ranks = starts.slice(1).map(({ rank }) => rank);
  assert.deepEqual(
    ranks,
    ranks.toSorted((a, b) => a - b),
  );
  clock.advance(30_000);
  await Promise.all(all);
});

test("K1: a clock that jumps by 90 days lets nobody start before its pace, and one set back by a year stops nobody", async () => {
  for (const jumpMs of [90 * 86_400_000, -365 * 86_400_000]) {
    const { clock, started, join } = queueOf(2_000);
    void join("first", 1);
    void join("second", 2);
    clock.jump(jumpMs);
    clock.advance(1_999);
    await turn();
    assert.deepEqual(
      started.map(({ what }) => what),
      ["first"],
    );
    clock.advance(1);
    await turn();
    assert.equal(started.length, 2);
  }
});

test("without a pace as many start at once as may be under way", async () => {
  const { started, join, end } = queueOf(0);
  for (const what of ["a", "b", "c", "d"]) void join(what, 1);
  await turn();
  assert.equal(started.length, 3);
  end("b");
  await turn();
  assert.deepEqual(
    started.map(({ what }) => what),
    ["a", "b", "c", "d"],
  );
});

test("who cannot start leaves with the reason, and costs nobody's time", async () => {
  const { started, join } = queueOf(2_000);
  const wait = { code: "BUDGET_SPENT", until: 1, detail: "used up" } as const;
  const left = Array.from({ length: 5 }, () => join("spent", 1, { waitFor: () => wait }));
  void join("free", 2);
  assert.deepEqual(await Promise.all(left), Array(5).fill(wait));
  assert.deepEqual(started, [{ what: "free", at: 0 }]);
});

test("every CA has a queue of its own", async () => {
  const { started, join } = queueOf(2_000);
  void join("here", 1);
  void join("there", 1, { directory: "https://other.example/directory" });
  await turn();
  assert.equal(started.length, 2);
});

test("who waits when the program stops is told, and nobody starts any more", async () => {
  const { clock, stopping, started, join } = queueOf(2_000);
  void join("first", 1);
  const second = join("second", 2);
  stopping.abort(new Error("Stopping"));
  await assert.rejects(second, { message: "Stopping" });
  await assert.rejects(join("third", 3), { message: "Stopping" });
  clock.advance(10_000);
  await turn();
  assert.equal(started.length, 1);
});

test("who wants a CA alone waits for what is under way, and holds up what comes, at that CA alone", async () => {
  const { queue, started, join, end } = queueOf(0);
  const { signal } = new AbortController();
  const order: string[] = [];
  void join("before", 1);
  const done = Promise.withResolvers<void>();
  const alone = ["first", "second"].map((what) =>
    queue.alone(
      CA,
      async () => {
        order.push(what);
        if (what === "first") await done.promise;
      },
      signal,
    ),
  );
  void join("after", 1);
  void join("elsewhere", 1, { directory: "https://other.example/directory" });
  await turn();
  assert.deepEqual(order, []);
  end("before");
  await turn();
  assert.deepEqual(order, ["first"]);
  assert.deepEqual(
    started.map(({ what }) => what),
    ["before", "elsewhere"],
  );
  done.resolve();
  await Promise.all(alone);
  await turn();
  assert.deepEqual(order, ["first", "second"]);
  assert.equal(started.at(-1)?.what, "after");
});

test("who wanted a CA alone and gave up holds nobody up", async () => {
  const { queue, started, join } = queueOf(0);
  void join("before", 1);
  const giving = new AbortController();
  const alone = queue.alone(CA, () => assert.fail("it gave up"), giving.signal);
  void join("after", 1);
  giving.abort(new Error("too long"));
  await assert.rejects(alone, { message: "too long" });
  await turn();
  assert.equal(started.length, 2);
});

test("one of many that wait goes before them when its rank is changed, and keeps what it waits for", async () => {
  const { queue, started, join, end } = queueOf(0, 1);
  const names = ["first", ...Array.from({ length: 20 }, (_, index) => `name-${index}`)];
  const ends = names.map((name, rank) => join(name, rank));
  await turn();
  queue.hasten("name-13", Number.NEGATIVE_INFINITY);
  queue.hasten("name-14", 0);
  queue.hasten("nobody", 0);
  for (const name of ["first", "name-13", "name-14", "name-0"]) {
    assert.equal(started.at(-1)?.what, name);
    end(name);
    await turn();
  }
  for (let index = 1; index < 20; index += 1) {
    end(`name-${index}`);
    await turn();
  }
  await Promise.all(ends);
  assert.equal(started.length, names.length);
});
