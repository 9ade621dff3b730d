import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { limits } from "../../src/config/limits.ts";
import { RateLimiter } from "../../src/http/rate-limiter.ts";
import { RateNews } from "../../src/http/rate-news.ts";
import type { Spent } from "../../src/process/messages.ts";
import { SpentNews } from "../../src/process/spent-news.ts";
import { holdTicks } from "../support/ticks.ts";

const limit = { requests: 100, perMs: 1_000, burst: 100 };

/** Workers that tell each other what clients have spent, as the manager passes it on, in virtual time. */
class Workers {
  now = 0;
  told = 0;
  readonly limiters: readonly RateLimiter[];
  readonly #pass: (ms: number) => void;

  constructor(count: number, pass: (ms: number) => void, rate = limit) {
    const news: RateNews[] = [];
    const manager = new SpentNews((spent) => {
      for (const [index, each] of news.entries()) {
        const elsewhere = spent.filter(({ worker }) => worker !== index);
        each.hear(elsewhere, this.now);
      }
    });
    this.#pass = pass;
    this.limiters = Array.from({ length: count }, (_, index) => {
      const tell = (spent: readonly Spent[]) => {
        this.told += spent.length;
        assert.ok(spent.length <= limits.rateNewsMax / count);
        manager.hear(index, spent);
      };
      const own = new RateNews(new Deadlines(), tell, count);
      news.push(own);
      const limiter = new RateLimiter(rate, 0, limits.rateClientsMax, count);
      own.share("scope", limiter);
      return limiter;
    });
  }

  /** `perSecond` requests of a client over each worker for so long; how many pass in all. */
  run(seconds: number, perSecond: readonly number[], client = "192.0.2.1"): number {
    let passed = 0;
    for (let step = 0; step < seconds * 100; step += 1) {
      for (const [index, limiter] of this.limiters.entries()) {
        const due = Math.round(((step + 1) * (perSecond[index] ?? 0)) / 100);
        const before = Math.round((step * (perSecond[index] ?? 0)) / 100);
        for (let request = before; request < due; request += 1)
          if (limiter.take(client, this.now) === 0) passed += 1;
      }
      this.now += 10;
      if (step % 10 === 9) this.#pass(limits.tickMs);
    }
    return passed;
  }
}

const floods: readonly (readonly [what: string, perSecond: readonly number[]])[] = [
  ["at its rate over each of two", [100, 100]],
  ["at three times its rate over each of two", [300, 300]],
  ["mostly over one of two", [300, 40]],
  ["over one of four", [1_000, 0, 0, 0]],
  ["at half its rate over each of four", [50, 50, 50, 50]],
  ["over four, each at another rate", [10, 30, 90, 270]],
];
for (const [what, perSecond] of floods) {
  test(`a client that asks too often, ${what}, has one rate over all workers`, (t) => {
    const workers = new Workers(perSecond.length, holdTicks(t));
    const passed = workers.run(20, perSecond);
    const allowed = limit.burst + 20 * limit.requests;
    // What is spent in a tenth of a second and what the manager takes, before the others know.
    const unknown = perSecond.length * (limit.requests / 8 + 1) + limit.burst;
    assert.ok(passed <= allowed + unknown, `${passed} passed, ${allowed} may`);
    assert.ok(passed >= 0.9 * (allowed - limit.burst), `${passed} passed, ${allowed} may`);
  });
}

for (const burst of [1, 2, 3, 5, 10]) {
  test(`of requests one after the other, however they are spread, ${burst} pass where ${burst} may`, (t) => {
    const pass = holdTicks(t);
    const everyRequest = 40;
    for (const count of [2, 3, 4]) {
      for (let spread = 0; spread < 50; spread += 1) {
        const workers = new Workers(count, pass, { requests: burst, perMs: 3_600_000, burst });
        let passed = 0;
        for (let request = 0; request < everyRequest; request += 1) {
          const worker =
            Math.floor(Math.abs(Math.sin(spread * everyRequest + request)) * 997) % count;
          if (workers.limiters[worker]?.take("192.0.2.1", 0) === 0) passed += 1;
        }
        assert.equal(passed, burst);
      }
    }
  });
}

test("a client that keeps to its rate has all of it, however its connections are spread", (t) => {
  for (const perSecond of [
    [100, 0],
    [50, 50],
    [90, 9],
  ]) {
    const workers = new Workers(2, holdTicks(t));
    assert.equal(workers.run(20, perSecond), 20 * perSecond.reduce((sum, each) => sum + each, 0));
    t.mock.timers.reset();
  }
});

test("of clients that ask seldom nothing is told", (t) => {
  const workers = new Workers(2, holdTicks(t));
  for (let client = 0; client < 100; client += 1) workers.run(0.1, [20, 20], `192.0.2.${client}`);
  assert.equal(workers.told, 0);
});

test("of many clients that ask too often some are told of at once, the others soon", (t) => {
  const pass = holdTicks(t);
  const workers = new Workers(2, pass);
  const clients = Array.from({ length: 3 * limits.rateNewsMax }, (_, index) => `client ${index}`);
  const [one, other] = workers.limiters;
  for (const client of clients)
    for (let request = 0; request < limit.burst; request += 1) one?.take(client, 0);
  for (let tick = 0; tick < 8; tick += 1) pass(limits.tickMs);
  assert.ok(clients.every((client) => (other?.take(client, 0) ?? 0) > 0));
});

test("what nobody can have spent makes a client wait no longer than a full burst would", () => {
  const limiter = new RateLimiter(limit, 0, limits.rateClientsMax, 2);
  const news = new RateNews(new Deadlines(), () => {}, 2);
  news.share("scope", limiter);
  news.hear([{ scope: "scope", client: "a", count: Number.MAX_SAFE_INTEGER }], 0);
  news.hear([{ scope: "another", client: "a", count: 1 }], 0);
  assert.equal(limiter.take("a", 0), 1_010);
  assert.equal(limiter.take("a", 1_010), 0);
});

for (const { what, hosts } of [
  { what: "one host", hosts: 1 },
  { what: "more hosts than clients are told of at once", hosts: 2 * limits.rateNewsMax },
]) {
  test(`while strangers flood ${what}, what is spent of another's rate is told soon`, (t) => {
    const pass = holdTicks(t);
    let untoldTicks = 0;
    const tell = (spent: readonly Spent[]) => {
      if (spent.some(({ scope }) => scope === "quiet")) untoldTicks = 0;
    };
    const news = new RateNews(new Deadlines(), tell, 1);
    const share = (scope: string) => {
      const limiter = new RateLimiter({ ...limit, burst: 1 }, 0, limits.rateClientsMax, 4);
      news.share(scope, limiter);
      return limiter;
    };
    const flooded = Array.from({ length: hosts }, (_, index) => share(`flooded ${index}`));
    const quiet = share("quiet");
    for (let tick = 0; tick < 30; tick += 1) {
      for (let client = 0; client < 1_000; client += 1)
        flooded[client % hosts]?.take(`stranger ${tick} ${client}`, tick * limits.tickMs);
      quiet.take("client", tick * limits.tickMs);
      untoldTicks += 1;
      pass(limits.tickMs);
      assert.ok(untoldTicks <= 3, `not told for ${untoldTicks} ticks`);
    }
  });
}
