import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import type { Facts } from "../../src/base/errors.ts";
import type { Log } from "../../src/base/log.ts";
import { changeLimits, limits } from "../../src/config/limits.ts";
import type { ChildPlan } from "../../src/process/child.ts";
import { Fleet } from "../../src/process/fleet.ts";
import type { FleetPlan } from "../../src/process/fleet-plan.ts";
import type { Address } from "../../src/process/messages.ts";
import { configOf } from "../support/config-text.ts";
import { alone } from "../support/strain.ts";

const config = configOf("hosts: { up.localhost: { respond: ok } }");
const file = join(import.meta.dirname, "../support/fleet-child.ts");
/** Longer than anything here takes, also on a busy machine. */
const PATIENCE_MS = 60_000;
/** However long children take to start and to die on this machine, they die young, and one soon after the other. */
const DEATHS = { restartForgetMs: 3_600_000, crashesWithinMs: 3_600_000 };
/** As it is before a test puts a clock of its own in its place. */
const { setTimeout: realTimeout, clearTimeout: clearRealTimeout } = globalThis;

/** What a child of {@link plan} does: see fleet-child.ts. */
type Mode =
  | "works"
  | "dies"
  | "hears"
  | "faints"
  | "waits"
  | "repeats"
  | "pretends"
  | "closes"
  | "babbles"
  | "floods"
  | "hangs-up"
  | "lingers"
  | "breaks"
  | "stays";

interface ManagerPlan {
  readonly mode: Mode;
  /** Path of the admin socket. */
  readonly admin: string;
}

function plan(
  workers: number,
  mode: Mode,
  fds: readonly number[] = [],
  { mode: managerMode, admin }: ManagerPlan = { mode: "works", admin: config.listen.admin },
): FleetPlan {
  const child = (address: Address, title: string): ChildPlan => ({
    address,
    file,
    nodeFlags: [`--title=${title}`],
    compiled: process.env["NODE_COMPILE_CACHE"],
    fds,
    configure: {
      type: "configure",
      config: { ...config, listen: { ...config.listen, admin } },
      httpsFds: [],
      httpFds: [],
      accessLogFd: undefined,
      startedAt: 0,
      configuredAt: 0,
      rejection: undefined,
      era: 1,
      place: 0,
      unsaved: [],
      reach: { https: [], http: [] },
      unbound: [],
    },
  });
  return {
    workers,
    manager: () => child("manager", managerMode),
    worker: (index) => child(`worker ${index}`, mode),
  };
}

/** A fleet of small children whose log can be waited for; all of them end with it. */
class World implements AsyncDisposable {
  readonly events: { readonly level: keyof Log; readonly event: string; readonly facts: Facts }[] =
    [];
  /** What made it give up. */
  readonly fatal: string[] = [];
  readonly fleet: Fleet;
  readonly #watchers = new Set<() => void>();

  constructor(first: FleetPlan) {
    const keep =
      (level: keyof Log) =>
      (event: string, facts: Facts = {}) => {
        this.events.push({ level, event, facts });
        for (const watcher of this.#watchers) watcher();
      };
    const log: Log = {
      debug: keep("debug"),
      info: keep("info"),
      warn: keep("warn"),
      error: keep("error"),
    };
    const fatal = (_: string, detail: string) => void this.fatal.push(detail);
    this.fleet = new Fleet(first, systemClock, log, { fatal, reload: () => {} });
  }

  /** Resolves when `count` events of this kind and child have been logged. */
  async seen(event: string, child: Address, count = 1): Promise<Facts> {
    const { promise, resolve, reject } = Promise.withResolvers<Facts>();
    const watcher = () => {
      const found = this.of(event, child)[count - 1];
      if (found !== undefined) resolve(found.facts);
    };
    const timer = realTimeout(
      () => reject(new Error(`no ${event} of ${child} in ${JSON.stringify(this.events)}`)),
      PATIENCE_MS,
    );
    this.#watchers.add(watcher);
    watcher();
    try {
      return await promise;
    } finally {
      clearRealTimeout(timer);
      this.#watchers.delete(watcher);
    }
  }

  of(event: string, child: Address) {
    return this.events.filter((each) => each.event === event && each.facts["child"] === child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fleet.kill();
    await this.fleet.drain(0);
  }
}

test("a worker leaves after a reload although its first successor died before it was ready", async () => {
  await using world = new World(plan(1, "works"));
  await world.fleet.start();
  void world.fleet.replace(plan(1, "dies"));
  await world.seen("worker.exited", "worker 2");
  assert.deepEqual(world.of("worker.exited", "worker 1"), [], "it serves until another one does");
  void world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
});

test("each worker fills a place, and so does the one that comes after it, dead or replaced", async () => {
  const filled: number[] = [];
  const working = plan(3, "works");
  const worker: FleetPlan["worker"] = (index, place) => {
    filled.push(place);
    return working.worker(index, place);
  };
  await using world = new World({ ...working, worker });
  await world.fleet.start();
  assert.deepEqual(filled, [0, 1, 2]);
  process.kill(Number((await world.seen("process.ready", "worker 2"))["pid"]), "SIGKILL");
  await world.seen("process.ready", "worker 4");
  assert.deepEqual(filled, [0, 1, 2, 1]);
  await world.fleet.replace({ ...working, worker });
  assert.deepEqual(filled, [0, 1, 2, 1, 0, 1, 2]);
});

test("a worker whose place a reload takes away leaves", async () => {
  await using world = new World(plan(2, "works"));
  await world.fleet.start();
  void world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 2"))["code"], 0);
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
});

test("a worker that a reload replaces has a time of its own to finish", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits({ reloadDrainMaxMs: 100 }); // and not half a minute, as at the end of the program
  await using world = new World(plan(1, "lingers"));
  await world.fleet.start();
  await world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
});

test("the end of the program is that of workers which a reload left more time, too", async () => {
  await using world = new World(plan(1, "lingers"));
  await world.fleet.start();
  await world.fleet.replace(plan(1, "works"));
  assert.deepEqual(world.of("worker.exited", "worker 1"), []);
  await world.fleet.drain(100);
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
});

test("of more old workers than may finish at once, the oldest ends as at the end of the program", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits({ drainMaxMs: 100 });
  await using world = new World(plan(1, "lingers"));
  await world.fleet.start();
  for (let times = 0; times < limits.oldWorkersOfEach; times += 1)
    await world.fleet.replace(plan(1, "lingers"));
  assert.deepEqual(world.of("worker.exited", "worker 1"), []);
  await world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
  assert.deepEqual(world.of("worker.exited", "worker 2"), []);
});

test("of twice as many old workers as may finish at once, the oldest ends at once", async () => {
  await using world = new World(plan(1, "lingers"));
  await world.fleet.start();
  for (let times = 0; times < 2 * limits.oldWorkersOfEach; times += 1)
    await world.fleet.replace(plan(1, "lingers"));
  assert.deepEqual(world.of("worker.exited", "worker 1"), []);
  await world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 0);
  assert.deepEqual(world.of("worker.exited", "worker 2"), []);
});

test("an old worker that crashes while it finishes is told as an error, one that ends in time is not", async () => {
  await using world = new World(plan(1, "breaks"));
  await world.fleet.start();
  await world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 1"))["code"], 1);
  await world.fleet.replace(plan(1, "works"));
  assert.equal((await world.seen("worker.exited", "worker 2"))["code"], 0);
  const levelOf = (child: Address) => world.of("worker.exited", child).map(({ level }) => level);
  assert.deepEqual(levelOf("worker 1"), ["error"]);
  assert.deepEqual(levelOf("worker 2"), ["info"]);
});

test("a Ctrl-C that ends children with the program, before they could hear of it, is no error", async () => {
  await using world = new World(plan(1, "hears", [], { mode: "hears", admin: "/admin" }));
  void world.fleet.start();
  await world.fleet.drain(10_000);
  for (const [event, child] of [
    ["worker.exited", "worker 1"],
    ["manager.exited", "manager"],
  ] as const) {
    const [ended] = world.of(event, child);
    assert.deepEqual([ended?.facts["signal"], ended?.level], ["SIGINT", "info"]);
  }
});

test("a manager whose successor answers elsewhere leaves it no socket", async () => {
  await using world = new World(plan(1, "works", [], { mode: "stays", admin: "/before/admin" }));
  await world.fleet.start();
  void world.fleet.replace(plan(1, "works", [], { mode: "works", admin: "/after/admin" }));
  assert.equal((await world.seen("manager.exited", "manager"))["code"], 0);
});

test("a manager that leaves hears it when it gets no successor after all", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits({ drainMaxMs: 5_000 });
  const patient = plan(1, "works", [], { mode: "stays", admin: "/before/admin" });
  await using world = new World(patient);
  await world.fleet.start();
  void world.fleet.replace(patient);
  await world.fleet.drain(10_000); // later than what it was told before
  assert.equal((await world.seen("manager.exited", "manager"))["code"], 0);
});

test("a reload starts nobody for a place that it takes away", async () => {
  const first = plan(2, "works");
  const asked: number[] = [];
  const worker: FleetPlan["worker"] = (index, place) => {
    asked.push(index);
    return first.worker(index, place);
  };
  await using world = new World({ ...first, worker });
  await world.fleet.start();
  await world.fleet.replace({ ...first, workers: 1, worker });
  assert.deepEqual(asked, [1, 2, 3]);
});

test("a drain in the middle of a reload waits for the workers of before", async () => {
  await using world = new World(plan(1, "works"));
  await world.fleet.start();
  void world.fleet.replace(plan(1, "waits"));
  await world.fleet.drain(0);
  assert.equal(world.of("worker.exited", "worker 1").length, 1);
  const [killed] = world.of("worker.exited", "worker 2");
  assert.deepEqual([killed?.facts["signal"], killed?.level], ["SIGKILL", "info"]);
});

test("a fleet that drains starts nobody any more", async () => {
  await using world = new World(plan(1, "works"));
  await world.fleet.start();
  const drained = world.fleet.drain(10_000);
  void world.fleet.replace(plan(3, "works"));
  await drained;
  assert.equal(world.of("worker.exited", "worker 1").length, 1);
  assert.equal(world.events.filter(({ event }) => event === "worker.exited").length, 1);
});

test("a fleet that was killed starts nobody again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const dying = plan(1, "dies");
  const asked: number[] = [];
  const worker: FleetPlan["worker"] = (index, place) => {
    asked.push(index);
    return dying.worker(index, place);
  };
  await using world = new World({ ...dying, worker });
  void world.fleet.start();
  await world.seen("worker.exited", "worker 1");
  world.fleet.kill();
  t.mock.timers.tick(60_000);
  assert.deepEqual(asked, [1]);
});

test("D8: a child that cannot be started is tried again with back-off, and nothing else falls", async () => {
  await using world = new World(plan(1, "works"));
  await world.fleet.start();
  void world.fleet.replace(plan(1, "works", [9_999])); // a descriptor that is not open
  await world.seen("process.unstarted", "worker 2");
  await world.seen("process.unstarted", "worker 3");
  assert.deepEqual(world.of("worker.exited", "worker 1"), []);
});

test("D8: a worker that dies young again and again is started after 0.1 s, doubling to 30 s, while the others serve", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits(DEATHS);
  await using world = new World(plan(1, "works"));
  await world.fleet.start();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked: number[] = [];
  const [works, dies] = [plan(2, "works"), plan(2, "dies")];
  const worker: FleetPlan["worker"] = (index, place) => {
    asked.push(index);
    return (index === 2 ? works : dies).worker(index, place);
  };
  void world.fleet.replace({ ...works, worker });
  for (const [deaths, waitMs] of [
    100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000,
  ].entries()) {
    const index = 3 + deaths;
    await world.seen("worker.exited", `worker ${index}`);
    t.mock.timers.tick(waitMs - 1);
    assert.equal(asked.at(-1), index);
    t.mock.timers.tick(1);
    assert.equal(asked.at(-1), index + 1);
  }
  assert.equal(world.of("process.ready", "worker 2").length, 1);
  assert.deepEqual(world.of("worker.exited", "worker 2"), []);
  assert.deepEqual(world.fatal, [], "one serves");

  const degraded = world.events.filter(({ event }) => event === "process.degraded");
  assert.deepEqual(
    degraded.map(({ facts }) => facts),
    [{ child: "worker 12", code: 3, signal: undefined, count: limits.crashesMax }],
  );
  await world.seen("worker.exited", "worker 14"); // the last one
  void world.fleet.replace(plan(2, "works"));
  const isOver = () => world.events.some(({ event }) => event === "process.recovered");
  t.mock.timers.tick(limits.crashesCalmMs - 1);
  assert.equal(isOver(), false);
  t.mock.timers.tick(1);
  assert.equal(isOver(), true);
});

test("D8: the last worker that can serve is back after a second at most, however often it dies", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits(DEATHS);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await using world = new World(plan(1, "faints"));
  void world.fleet.start();
  for (const [deaths, waitMs] of [100, 200, 400, 800, 1_000].entries()) {
    const index = deaths + 1;
    await world.seen("worker.exited", `worker ${index}`);
    t.mock.timers.tick(waitMs - 1);
    assert.equal(startedOnes(world), index);
    t.mock.timers.tick(1);
    await world.seen("worker.exited", `worker ${index + 1}`);
  }
  assert.deepEqual(world.fatal, []);
});

/** How many workers have been ready. */
function startedOnes({ events }: World): number {
  return events.filter(
    ({ event, facts }) => event === "process.ready" && facts["child"] !== "manager",
  ).length;
}

test("a worker that closes its doors by itself has a successor before it is gone", async () => {
  const first = plan(1, "works");
  const modes = [plan(1, "closes"), first];
  const worker: FleetPlan["worker"] = (index, place) =>
    (modes[index - 1] ?? first).worker(index, place);
  await using world = new World({ ...first, worker });
  await world.fleet.start();
  await world.seen("process.ready", "worker 2");
  assert.deepEqual(world.of("worker.exited", "worker 1"), []);
  await world.fleet.drain(10_000);
  assert.equal(world.of("worker.exited", "worker 1").length, 1);
  assert.equal(world.events.filter(({ event }) => event === "process.ready").length, 3);
});

test("a child is ready once, however often it says so", async () => {
  await using world = new World(plan(1, "repeats"));
  await world.fleet.start();
  await world.seen("process.ready", "worker 1");
  await world.fleet.drain(10_000);
  assert.equal(world.of("process.ready", "worker 1").length, 1);
});

for (const mode of ["babbles", "floods", "hangs-up"] as const) {
  test(`D11: a worker that ${mode} is replaced within 2 s, and nobody else falls`, async (t) => {
    const first = plan(2, "works");
    const hostile = plan(2, mode);
    const worker: FleetPlan["worker"] = (index, place) =>
      (index === 2 ? hostile : first).worker(index, place);
    await using world = new World({ ...first, worker });
    await world.fleet.start();
    const took = await alone(async () => {
      await world.seen("worker.exited", "worker 2");
      await world.seen("process.ready", "worker 3");
    });
    t.diagnostic(`${Math.round(took)} ms`);
    assert.ok(took <= 2_000, `${took} ms`);
    assert.equal((await world.seen("worker.exited", "worker 2"))["signal"], "SIGKILL");
    assert.deepEqual(world.of("worker.exited", "worker 1"), []);
    assert.deepEqual(world.of("manager.exited", "manager"), []);
  });
}

test("a worker cannot speak to the manager as the supervisor does", async () => {
  await using world = new World(plan(1, "pretends"));
  await world.fleet.start();
  await world.seen("process.bad-message", "worker 1");
  await world.seen("worker.exited", "worker 1");
  assert.deepEqual(world.of("manager.exited", "manager"), []);
});
