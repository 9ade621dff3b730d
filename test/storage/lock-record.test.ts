import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLock, isFree, type LockRecord, parseLock } from "../../src/storage/lock-record.ts";

const now = Date.UTC(2026, 10, 23);
const here = { pid: 100, host: "edge", place: "boot-1 pid:[1]", started: "5000" };
const held: LockRecord = {
  ...here,
  pid: 77,
  started: "4000",
  owner: "somebody",
  fencing: 3,
  heartbeatAt: now - 2_000,
  isReleased: false,
};
const alive = { isAlive: true, started: "4000" };
const dead = { isAlive: false, started: undefined };

test("a lock reads back what was written, always in the same number of bytes", () => {
  const bytes = formatLock(held);
  assert.deepEqual(parseLock(bytes), held);
  const later = { ...held, heartbeatAt: now, fencing: 1_000_000, isReleased: true };
  assert.equal(formatLock(later).length, bytes.length);
  assert.deepEqual(parseLock(formatLock(later)), later);
});

for (const bytes of [
  "",
  "{",
  "\0\0\0\0",
  '{"version":1}',
  '{"version":2,"owner":"x"}',
  "not a lock",
]) {
  test(`${JSON.stringify(bytes)} is no lock`, () => {
    assert.equal(parseLock(Buffer.from(bytes)), undefined);
  });
}

const cases: readonly {
  readonly name: string;
  readonly record: LockRecord;
  readonly found: { readonly isAlive: boolean; readonly started: string | undefined };
  readonly free: boolean;
}[] = [
  { name: "given back", record: { ...held, isReleased: true }, found: alive, free: true },
  { name: "of a live process", record: held, found: alive, free: false },
  {
    name: "of a live process that is late",
    record: { ...held, heartbeatAt: 0 },
    found: alive,
    free: false,
  },
  { name: "of a dead process", record: held, found: dead, free: true },
  {
    name: "of a dead process, future-dated",
    record: { ...held, heartbeatAt: now * 2 },
    found: dead,
    free: true,
  },
  {
    name: "whose pid is in use again",
    record: held,
    found: { isAlive: true, started: "4500" },
    free: true,
  },
  {
    name: "of a pid of which no start is known",
    record: held,
    found: { isAlive: true, started: undefined },
    free: false,
  },
  { name: "of another machine", record: { ...held, host: "other" }, found: dead, free: false },
  {
    name: "of another machine, late",
    record: { ...held, host: "other", heartbeatAt: 0 },
    found: dead,
    free: false,
  },
  {
    name: "of the boot before",
    record: { ...held, place: "boot-0 pid:[1]", heartbeatAt: now - 60_000 },
    found: alive,
    free: true,
  },
  {
    name: "of a container with our name",
    record: { ...held, place: "boot-1 pid:[2]" },
    found: dead,
    free: false,
  },
  {
    name: "of the boot before, future-dated",
    record: { ...held, place: "boot-0 pid:[1]", heartbeatAt: now + 60_000 },
    found: alive,
    free: false,
  },
];

for (const { name, record, found, free } of cases) {
  test(`a lock ${name} is ${free ? "free at once" : "watched first"}`, () => {
    assert.equal(isFree(record, here, found, now), free);
  });
}
