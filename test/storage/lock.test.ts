import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  link,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Lease } from "../../src/storage/lease.ts";
import { acquireLease } from "../../src/storage/lock.ts";
import { formatLock, parseLock } from "../../src/storage/lock-record.ts";
import { thisProcess } from "../../src/storage/owner-process.ts";
import { pathsOf, temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog } from "../support/stored.ts";

/** Elsewhere a dead holder is only known by its silence. */
const skip = process.platform === "linux" ? false : "only Linux tells when a process started";
const never = new AbortController().signal;

async function openLock() {
  const folder = await temporaryFolder();
  const prepare = async () => void (await mkdir(folder.path, { recursive: true, mode: 0o700 }));
  const path = join(folder.path, "lock");
  const clock = new ManualClock();
  const log = keptLog();
  return {
    path,
    folder: folder.path,
    clock,
    log,
    prepare,
    acquire: (signal = never) => acquireLease({ path, clock, log, prepare }, signal),
    read: async () => parseLock(await readFile(path)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The lock of a process that is gone, whose pid may be in use again. */
async function recordOf(changes: object = {}) {
  return {
    ...(await thisProcess()),
    owner: "the one before",
    fencing: 7,
    heartbeatAt: Date.UTC(2026, 10, 23, 6),
    isReleased: false,
    ...changes,
  };
}

test("a free lease is taken at once, and the next program takes it as soon as it is given back", async () => {
  await using lock = await openLock();
  const first = await lock.acquire();
  assert.deepEqual([first.fencing, lock.log.events], [1, []]);
  assert.equal((await stat(lock.path)).mode & 0o777, 0o600);
  await first.release();
  await first.release();
  assert.equal(first.held, false);
  await assert.rejects(first.confirm(), { code: "STORAGE_LOCKED" });
  await using second = await lock.acquire();
  assert.equal(second.fencing, 2);
  assert.deepEqual(await pathsOf(lock.folder), ["lock"]);
});

test("a lease that is held is refused at the holder's next heartbeat", async () => {
  await using lock = await openLock();
  await using lease = await lock.acquire();
  const { outcome, seconds } = await lock.clock.until(lock.acquire(), 2);
  assert.equal(outcome.status, "rejected");
  assert.equal(outcome.status === "rejected" && outcome.reason.code, "STORAGE_LOCKED");
  assert.ok(seconds <= 7, `${seconds} s`);
  await lease.confirm();
  assert.deepEqual(await pathsOf(lock.folder), ["lock"]);
});

test("a write after the lease was given back is refused, and told as that: no other program is accused", async () => {
  await using lock = await openLock();
  const lease = await lock.acquire();
  await lease.release();
  await assert.rejects(lease.confirm(), {
    code: "STORAGE_LOCKED",
    message: `Cannot write into "${lock.folder}": this process has given its lease back`,
  });
});

test("a lease that is given back while another program waits goes to that one", async () => {
  await using lock = await openLock();
  const first = await lock.acquire();
  const waiting = lock.acquire();
  await lock.clock.asleep(2);
  await first.release();
  const { outcome } = await lock.clock.until(waiting, 1);
  assert.equal(outcome.status, "fulfilled");
  if (outcome.status === "fulfilled") await outcome.value.release();
});

test("the heartbeat is renewed every 5 s in place", async () => {
  await using lock = await openLock();
  await using _lease = await lock.acquire();
  const before = await stat(lock.path);
  for (let beat = 0; beat < 3; beat += 1) {
    await lock.clock.asleep(1);
    lock.clock.advance(5_000);
  }
  await lock.clock.asleep(1);
  assert.equal((await lock.read())?.heartbeatAt, lock.clock.now());
  const after = await stat(lock.path);
  assert.deepEqual([after.ino, after.size], [before.ino, before.size]);
});

test("of many programs that find a dead holder's lock, one takes the lease", { skip }, async () => {
  await using lock = await openLock();
  await writeFile(lock.path, formatLock(await recordOf({ started: "1" })));
  const claims = Array.from({ length: 8 }, () => lock.acquire());
  let running = claims.length;
  const ends = () => {
    running -= 1;
  };
  for (const claim of claims)
    void claim.then((lease) => lease.lost.addEventListener("abort", ends), ends);
  let outcomes: readonly PromiseSettledResult<Lease>[] | undefined;
  void Promise.allSettled(claims).then((settled) => {
    outcomes = settled;
  });
  while (outcomes === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    // No time goes by while one is at work: to the others, who looks slowly would be one that is dead.
    if (lock.clock.sleepers >= running) lock.clock.advance(1_000);
  }
  const leases = outcomes.flatMap((outcome) =>
    outcome.status === "fulfilled" ? [outcome.value] : [],
  );
  const confirmed = await Promise.allSettled(leases.map((lease) => lease.confirm()));
  assert.equal(confirmed.filter(({ status }) => status === "fulfilled").length, 1);
  for (const lease of leases) await lease.release(); // also one that was lost has its file open
});

test("S9: the lock of a process that was killed is taken at once", { skip }, async () => {
  await using lock = await openLock();
  const child = spawn(process.execPath, ["--eval", "setInterval(() => {}, 1000)"]);
  const pid = child.pid ?? 0;
  const stats = (await readFile(`/proc/${pid}/stat`, "latin1")).split(") ").at(-1) ?? "";
  await writeFile(lock.path, formatLock(await recordOf({ pid, started: stats.split(" ")[19] })));
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  await using lease = await lock.acquire();
  assert.equal(lease.fencing, 8);
});

test("S9: the lock of a pid that is in use again is taken at once", { skip }, async () => {
  await using lock = await openLock();
  await writeFile(lock.path, formatLock(await recordOf({ started: "1" })));
  await using lease = await lock.acquire();
  assert.equal(lease.fencing, 8);
});

const NONE = /^the lock says of no program that it holds it: it is empty, cut short or foreign$/;
const OTHER = /^process \d+ on other may hold it, and nobody can tell from here whether it lives$/;
const LIVE = /^process \d+ on .+ holds it$/;

const silent: readonly {
  readonly name: string;
  readonly plant: (path: string) => Promise<unknown>;
  /** Why it is waited for; {@link NONE} unless given. */
  readonly says?: RegExp;
}[] = [
  { name: "empty", plant: (path) => writeFile(path, "") },
  { name: "garbage", plant: (path) => writeFile(path, "{{{{") },
  { name: "zeros", plant: (path) => writeFile(path, Buffer.alloc(1_024)) },
  { name: "large", plant: (path) => writeFile(path, Buffer.alloc(100_000, " ")) },
  { name: "a folder", plant: (path) => mkdir(path) },
  { name: "a link", plant: (path) => symlink("/etc/hostname", path) },
  { name: "a dangling link", plant: (path) => symlink("nowhere", path) },
  {
    name: "another machine's",
    says: OTHER,
    plant: async (path) => writeFile(path, formatLock(await recordOf({ host: "other" }))),
  },
  {
    name: "future-dated",
    says: OTHER,
    plant: async (path) => {
      const heartbeatAt = Date.UTC(2099, 0, 1);
      await writeFile(path, formatLock(await recordOf({ host: "other", heartbeatAt })));
      await utimes(path, heartbeatAt / 1_000, heartbeatAt / 1_000);
    },
  },
  {
    name: "a live process's that does not beat",
    says: LIVE,
    plant: async (path) => writeFile(path, formatLock(await recordOf())),
  },
];

for (const { name, plant, says = NONE } of silent) {
  test(`S9: a lock that is ${name} is taken over after 15 to 20 s`, async () => {
    await using lock = await openLock();
    await plant(lock.path);
    const { outcome, seconds } = await lock.clock.until(lock.acquire(), 1);
    assert.equal(outcome.status, "fulfilled");
    assert.ok(seconds >= 15 && seconds <= 20, `${seconds} s`);
    const { path, why, seconds: announced } = lock.log.only("storage.lease-awaited");
    assert.deepEqual([path, announced], [lock.path, 15]);
    assert.match(String(why), says);
    if (outcome.status === "fulfilled") await outcome.value.release();
    assert.deepEqual(await pathsOf(lock.folder), ["lock"]);
  });
}

test("a wall clock that is set while a program watches changes nothing", async () => {
  await using lock = await openLock();
  await using _lease = await lock.acquire();
  const second = lock.acquire();
  await lock.clock.asleep(2);
  lock.clock.jump(3_600_000);
  const { outcome } = await lock.clock.until(second, 2);
  assert.equal(outcome.status, "rejected");
});

test("a holder that was stopped too long finds its lease lost, and writes into it no more", async () => {
  await using lock = await openLock();
  const first = await lock.acquire();
  // As if the process had been stopped: its heartbeat never comes.
  const stopped = new ManualClock();
  const second = await stopped
    .until(acquireLease({ ...lock, clock: stopped }, never), 1)
    .then(({ outcome }) => (outcome.status === "fulfilled" ? outcome.value : undefined));
  assert.equal(second?.fencing, 2);
  await assert.rejects(first.confirm(), { code: "STORAGE_LOCKED" });
  assert.equal(first.held, false);
  assert.equal(first.lost.aborted, true);
  assert.equal(lock.log.only("storage.lease-lost")["fencing"], 1);
  await first.release();
  await second?.confirm();
  assert.equal((await lock.read())?.isReleased, false);
  await second?.release();
});

test("the heartbeat finds a loss by itself", async () => {
  await using lock = await openLock();
  const lease = await lock.acquire();
  await rm(lock.path);
  await writeFile(lock.path, "another's");
  const lost = once(lease.lost, "abort");
  await lock.clock.asleep(1);
  lock.clock.advance(5_000);
  await lost;
  await lease.release();
  assert.equal(await readFile(lock.path, "utf8"), "another's");
});

test("a lock that was deleted, with its folder, is made anew", async () => {
  await using lock = await openLock();
  await using lease = await lock.acquire();
  await rm(lock.path);
  await Promise.all([lease.confirm(), lease.confirm(), lease.confirm()]);
  assert.equal((await lock.read())?.fencing, 1);
  await rm(lock.folder, { recursive: true });
  await lease.confirm();
  assert.equal((await lock.read())?.fencing, 1);
  assert.equal(lease.held, true);
});

test("a lock that another program takes away, and puts back as it was, is still its holder's", async () => {
  await using lock = await openLock();
  const aside = join(lock.folder, "aside");
  // At the worst moment: its holder has missed it, and is about to make it anew.
  const prepare = () => link(aside, lock.path);
  await using lease = await acquireLease({ ...lock, prepare }, never);
  await rename(lock.path, aside);
  await lease.confirm();
  assert.equal(lease.held, true);
  assert.deepEqual(lock.log.events, []);
});

test("waiting for a lease ends with the signal", async () => {
  await using lock = await openLock();
  await using _lease = await lock.acquire();
  const controller = new AbortController();
  const waiting = lock.acquire(controller.signal);
  await lock.clock.asleep(2);
  controller.abort(new Error("the program ends"));
  await assert.rejects(waiting, /the program ends/);
});
