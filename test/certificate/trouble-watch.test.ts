import assert from "node:assert/strict";
import { test } from "node:test";
import { AskWatch } from "../../src/certificate/ask-watch.ts";
import { Commands } from "../../src/certificate/commands.ts";
import { newHolding } from "../../src/certificate/records.ts";
import { type TroubleSteps, TroubleWatch } from "../../src/certificate/trouble-watch.ts";
import { Watchdog } from "../../src/certificate/watchdog.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

/** One host with a new certificate that is not on the disk, and storage that could be written into when last tried. */
function world(unbound: TroubleSteps["unbound"] = []) {
  const config = configOf("email: a@b.example\nhosts: { a.example: 3001 }");
  const [clock, log, host] = [new ManualClock(), keptLog(), named("a.example")];
  const holding = newHolding(host, true);
  const times = { notBefore: clock.now(), notAfter: clock.now() + 9e9, renewAt: clock.now() + 6e9 };
  const files = { chain: "chain", key: "key" };
  holding.certificate = heldCertificate({ serial: "02", ...times, files, unsaved: files });
  const common = { clock, log, holdings: () => [holding], findHost: () => config.hosts[0] };
  const store = {
    load: async () => undefined,
    save: async () => {},
    currentOf: () => "/nowhere",
  };
  const certificates = { keepWhile: async () => {} };
  const watchdog = new Watchdog({
    ...{ ...common, look: async () => ({ kind: "unseen" }) as const, workers: () => 1 },
    heldSerials: async () => new Map(),
    ...{ announceAgain: async () => {}, random: () => 0.5 },
  });
  const storage = {
    root: "/srv/storage",
    failure: undefined as string | undefined,
    isLeaseLost: false,
  };
  const disk = { failure: undefined as string | undefined, tries: 0, timesBack: 0 };
  const watch = new TroubleWatch({
    ...{ ...common, config, watchdog, commands: new Commands({ ...common, certificates, store }) },
    deletions: { troubles: () => [] },
    revocations: { troubles: () => [], isUndecided: () => false },
    ...{ unbound, asks: new AskWatch(clock), given: () => [], directoryOf: () => "x" },
    storage,
    confirmWritable: async () => {
      disk.tries += 1;
      storage.failure = disk.failure;
    },
    storageIsBack: () => {
      disk.timesBack += 1;
    },
  });
  const kinds = (lasted: boolean) => watch.look(() => lasted).troubles.map(({ kind }) => kind);
  return { holding, kinds, watch, clock, disk };
}

test("a certificate that is being saved is no trouble; one that could not be saved is", () => {
  const { holding, kinds } = world();
  holding.isOrdering = true;
  assert.deepEqual(kinds(false), []);
  holding.isOrdering = false;
  assert.deepEqual(kinds(false), ["storage.unwritable"]);
});

test("after a restart the trouble of a name on demand is neither on nor over until policy was asked", () => {
  const { holding, watch, clock } = world();
  const certificate = heldCertificate({ notAfter: clock.now() - 1, renewAt: 0 });
  Object.assign(holding, { certificate, listed: false });
  const looks = () => {
    const { troubles, isUndecided } = watch.look(() => true);
    return [troubles.map(({ kind }) => kind), isUndecided(`certificate.expiring ${holding.host}`)];
  };
  assert.deepEqual(looks(), [[], true]);
  holding.isDecided = true;
  assert.deepEqual(looks(), [["certificate.expiring"], false]);
  holding.isRefused = true;
  assert.deepEqual(looks(), [[], false]);
});

test("while it is ordered again, a certificate that could not be saved goes on being a trouble", () => {
  const { holding, kinds } = world();
  holding.isOrdering = true;
  assert.deepEqual(kinds(true), ["storage.unwritable"]);
});

test("a port for plain HTTP that another program has is a trouble", () => {
  const unbound = [{ address: ":80", why: "Cannot listen on :80: another program listens there" }];
  const { holding, kinds } = world(unbound);
  holding.isOrdering = true;
  assert.deepEqual(kinds(false), ["listen.failed"]);
});

test("S1: a storage that cannot be written is tried every ten seconds, and that it can be again is told once", async () => {
  const { watch, clock, disk, holding } = world();
  const stopping = new AbortController();
  const running = watch.run(stopping.signal);
  const look = async (times: number) => {
    for (let time = 1; time <= times; time += 1) {
      await clock.asleep(1);
      clock.advance(limits.storageRetryEveryMs);
    }
    await clock.asleep(1);
  };
  disk.failure = "no space left on device";
  await look(limits.storageCheckEveryMs / limits.storageRetryEveryMs);
  assert.equal(disk.tries, 1);
  await look(2);
  assert.deepEqual([disk.tries, disk.timesBack], [3, 0]);
  disk.failure = undefined;
  await look(1);
  assert.deepEqual([disk.tries, disk.timesBack], [4, 1]);
  await look(2);
  assert.deepEqual([disk.tries, disk.timesBack], [4, 1]);
  // An attempt finds out before we do.
  const error = { type: "STORAGE_FAILED", detail: "", hint: "", at: new Date().toISOString() };
  [holding.lastError, disk.failure] = [error, "no space left on device"];
  await look(1);
  disk.failure = undefined;
  await look(1);
  assert.deepEqual([disk.tries, disk.timesBack], [6, 2]);
  stopping.abort();
  await running;
});

test("S1: storage that failed and was well again between two looks is told of too", async () => {
  const { watch, clock, disk, holding } = world();
  const stopping = new AbortController();
  const running = watch.run(stopping.signal);
  const look = async () => {
    await clock.asleep(1);
    clock.advance(limits.storageRetryEveryMs);
    await clock.asleep(1);
  };
  await look();
  const at = new Date().toISOString();
  holding.lastError = { type: "STORAGE_FAILED", detail: "", hint: "", at };
  await look();
  assert.deepEqual([disk.tries, disk.timesBack], [1, 1]);
  // It goes on failing although we can write: that hurries it no more.
  holding.lastError = { type: "STORAGE_FAILED", detail: "again", hint: "", at };
  await look();
  await look();
  assert.equal(disk.timesBack, 1);
  holding.lastError = undefined;
  await look();
  holding.lastError = { type: "STORAGE_FAILED", detail: "", hint: "", at };
  await look();
  assert.equal(disk.timesBack, 2);
  stopping.abort();
  await running;
});
