import assert from "node:assert/strict";
import { test } from "node:test";
import { measuresAt, Overload, type Usage } from "../../src/connection/overload.ts";
import { Allowance, memoryAllowed } from "../../src/connection/usage.ts";
import { KeptLog } from "../support/relay-world.ts";

const MIB = 1_048_576;

/** How much is used, how many measures were in force, how many are then. */
const steps: readonly [percent: number, before: number, after: number][] = [
  [0, 0, 0],
  [91.9, 0, 0],
  [92, 0, 1],
  [95.9, 1, 1],
  [96, 1, 2],
  [96, 0, 2],
  [99.9, 2, 2],
  [100, 2, 3],
  [100, 0, 3],
  [95, 3, 3],
  [94.9, 3, 2],
  [91, 2, 2],
  [90.9, 3, 1],
  [87, 1, 1],
  [86.9, 1, 0],
  [0, 3, 0],
];

for (const [percent, before, after] of steps) {
  test(`at ${percent} % with ${before} measures in force, ${after} are`, () => {
    assert.equal(measuresAt(percent, before), after);
  });
}

/** An overload that keeps what it says and asks for. */
function watched() {
  const time = { now: 0 };
  const log = new KeptLog();
  const asked: (string | number)[] = [];
  const overload = new Overload(
    log,
    {
      keepAlive: (isAllowed) => asked.push(isAllowed ? "keep alive" : "close after answers"),
      closeIdle: (count) => asked.push(count),
    },
    () => time.now,
  );
  const said = () =>
    log.lines.map(({ event, facts }) => `${event} ${facts["measure"]} ${facts["resource"]}`);
  return { overload, asked, log, said, time };
}

const used = (resource: Usage["resource"], percent: number): Usage => ({
  resource,
  used: percent,
  max: 100,
});

test("connections that fill up end keep-alive, then the idle ones, then what comes; and back", () => {
  const { overload, asked, log, said } = watched();
  overload.connections(92, 100);
  assert.deepEqual(asked.splice(0), ["close after answers"]);
  overload.connections(96, 100);
  assert.deepEqual(asked.splice(0), [9]);
  assert.equal(overload.mayOpen(), true);
  overload.connections(100, 100);
  assert.deepEqual(asked.splice(0), [13]);
  assert.deepEqual([overload.mayOpen(), overload.mayOpen()], [false, false]);
  overload.connections(95, 100);
  assert.equal(overload.mayOpen(), false);
  overload.connections(94, 100);
  assert.equal(overload.mayOpen(), true);
  overload.connections(86, 100);
  assert.deepEqual(asked, ["keep alive"]);
  assert.deepEqual(said(), [
    "overload.began no-keep-alive connections",
    "overload.began close-idle connections",
    "overload.began refuse-new connections",
    "overload.ended refuse-new connections",
    "overload.ended close-idle connections",
    "overload.ended no-keep-alive connections",
  ]);
  assert.deepEqual(log.lines[3]?.facts, {
    measure: "refuse-new",
    resource: "connections",
    used: 94,
    max: 100,
    refused: 3,
  });
});

/** What happens at which moment, and whether the worker says then that it refuses newcomers. */
const spells: readonly [
  what: string,
  refusedAt: readonly number[],
  now: number,
  isTold: boolean,
][] = [
  ["one burst", [0, 10, 20], 6_000, false],
  ["again and again", [0, 3_000, 5_000], 5_000, true],
  ["again and again, and none since for a while", [0, 5_000], 19_999, true],
  ["again and again, and none since", [0, 5_000], 20_000, false],
  ["two bursts far apart", [0, 60_000], 60_001, false],
];

for (const [what, refusedAt, now, isTold] of spells) {
  test(`newcomers refused in ${what} are ${isTold ? "told" : "not told"}`, () => {
    const { overload, time } = watched();
    overload.connections(16, 16);
    for (time.now of refusedAt) assert.equal(overload.mayOpen(), false);
    time.now = now;
    assert.equal(overload.refusing, isTold ? "connections: 16 of 16 in use" : undefined);
  });
}

for (const resource of ["memory", "heap"] as const) {
  test(`R3: ${resource} that fills up counts as connections do, while there are many of them`, () => {
    const { overload, asked } = watched();
    overload.connections(1_000, 10_000);
    overload.look([used(resource, 92)]);
    assert.deepEqual(overload.measures, ["no-keep-alive"]);
    overload.look([used(resource, 100)]);
    assert.equal(overload.mayOpen(), false);
    overload.look([used(resource, 100)]);
    assert.deepEqual(asked, ["close after answers", 130, 130, 130]);
    overload.look([used(resource, 80)]);
    assert.equal(overload.mayOpen(), true);
  });

  test(`${resource} that few connections cannot hold refuses nobody`, () => {
    const { overload } = watched();
    overload.connections(1_000, 10_000);
    overload.look([used(resource, 120)]);
    assert.equal(overload.mayOpen(), false);
    overload.connections(200, 10_000);
    assert.equal(overload.mayOpen(), true);
    overload.look([used(resource, 120)]);
    assert.deepEqual(overload.measures, ["no-keep-alive", "close-idle"]);
  });
}

test("R1: descriptors that run out refuse new connections, however few there are", () => {
  const { overload } = watched();
  overload.connections(10, 54);
  overload.look([used("descriptors", 100)]);
  assert.equal(overload.mayOpen(), false);
});

/** Workers, MiB of a worker at its start, MiB of the machine, MiB allowed. */
const machines: readonly [workers: number, occupied: number, total: number, allowed: number][] = [
  [2, 80, 1_024, 391],
  [4, 80, 4_096, 902],
  [2, 80, 256, 144],
  [1, 80, 64, 144],
  [2, 80, 65_536, 1_884],
];

for (const [workers, occupied, total, allowed] of machines) {
  test(`each of ${workers} workers of a machine of ${total} MiB may occupy ${allowed} MiB`, () => {
    const of = { workers, occupied: occupied * MIB, total: total * MIB };
    assert.equal(Math.floor(memoryAllowed(of) / MIB), allowed);
  });
}

test("a worker takes 40 of 100 descriptors for connections, beside a reserve", () => {
  assert.equal(new Allowance(2, 200).connections, 54);
  assert.equal(new Allowance(2, 1_000_000).connections, 10_000);
});

test("with descriptors for a handful of connections only, a worker says which limit to raise and takes none", () => {
  const enough = new Allowance(2, 104);
  enough.confirmUsable();
  assert.equal(enough.connections, 16);
  const message = /^Cannot serve: a process may open 103 .*RLIMIT_NOFILE to 104 at least/;
  assert.throws(() => new Allowance(2, 103).confirmUsable(), {
    code: "DESCRIPTORS_TOO_FEW",
    message,
  });
});

test("one client's part of the connections is as small where descriptors are few", () => {
  assert.equal(new Allowance(2, 200).connectionsPerClient, 14);
  assert.equal(new Allowance(2, 1_000_000).connectionsPerClient, 2_500);
});

test("a look sees memory, heap and descriptors of this very process, within what it may use", () => {
  const seen = new Allowance(2).look();
  assert.deepEqual(
    seen.map(({ resource }) => resource),
    ["memory", "heap", "descriptors"],
  );
  for (const { resource, used, max } of seen)
    assert.ok(used > 0 && used < max, `${resource}: ${used} of ${max}`);
});
