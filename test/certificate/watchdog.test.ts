import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { newHolding } from "../../src/certificate/records.ts";
import type { Look } from "../../src/certificate/served.ts";
import { Watchdog } from "../../src/certificate/watchdog.ts";
import { Workers } from "../../src/certificate/workers.ts";
import { changeLimits, limits } from "../../src/config/limits.ts";
import { Credentials } from "../../src/connection/credentials.ts";
import type { ManagerToWorkers } from "../../src/process/messages.ts";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import {
  certificateFor,
  directory,
  keptLog,
  named,
  type OpenStorage,
  openStorage,
} from "../support/stored.ts";
import { makeHost } from "../support/tls-door.ts";

const HOST = named("a.example");

const UNSEEN: Look = { kind: "unseen" };
const REFUSED: Look = { kind: "nothing", why: "the connection was refused", isSilent: false };
const SILENT: Look = { kind: "nothing", why: "nobody answers within 3 s", isSilent: true };

/** Workers that each serve a serial, or show what a look says, met in turn; announcing again mends those that can be mended. */
function world(served: (string | Look)[], isMendable = true) {
  const clock = new ManualClock();
  const holding = newHolding(HOST, true);
  holding.certificate = heldCertificate({ serial: "02", notAfter: clock.now() + 1 });
  const log = keptLog();
  const counts = { looks: 0, announced: 0 };
  const holdings = [holding];
  const watchdog = new Watchdog({
    ...{ clock, log },
    holdings: () => holdings,
    look: async () => {
      const shown = served[counts.looks++ % served.length] ?? UNSEEN;
      return typeof shown === "string" ? { kind: "seen", serial: shown } : shown;
    },
    heldSerials: async () => new Map(),
    workers: () => served.length,
    announceAgain: async () => {
      counts.announced += 1;
      if (isMendable) served.fill("02");
    },
    random: () => 0.5,
  });
  const look = () => watchdog.look(new AbortController().signal);
  return { holding, holdings, log, clock, counts, watchdog, look, served };
}

test("when every worker serves what is stored, nothing is announced and nobody is told", async () => {
  const { look, counts, log, watchdog } = world(["02", "02", "02"]);
  await look();
  assert.deepEqual(counts, { looks: 6, announced: 0 });
  assert.deepEqual([log.events, watchdog.troubles()], [[], []]);
});

test("one worker of three that serves an old certificate is met, and mended by a word", async () => {
  const { look, counts, log, watchdog } = world(["02", "02", "01"]);
  await look();
  assert.equal(counts.announced, 1);
  const [warned, ...others] = log.events;
  assert.deepEqual(
    [warned?.event, warned?.facts?.["servedSerial"]],
    ["certificate.mismatch", "01"],
  );
  assert.deepEqual([others, watchdog.troubles()], [[], []]);
});

test("what a word does not mend is a trouble until it is over", async () => {
  const { look, watchdog, served } = world(["01"], false);
  await look();
  const [trouble] = watchdog.troubles();
  assert.deepEqual(
    [trouble?.kind, trouble?.host, trouble?.severity, trouble?.detail],
    ["certificate.mismatch", HOST, "critical", "Served is 01"],
  );
  served.fill("02");
  await look();
  assert.deepEqual(watchdog.troubles(), []);
});

test("a name that is no longer held is no trouble any more", async () => {
  const { look, watchdog, holdings } = world(["01"], false);
  await look();
  assert.equal(watchdog.troubles().length, 1);
  holdings.length = 0;
  await look();
  assert.deepEqual(watchdog.troubles(), []);
});

test("what nobody can look at, or a name that is being ordered, is no trouble", async () => {
  const closed = world([UNSEEN]);
  const ordering = world(["01"]);
  ordering.holding.isOrdering = true;
  for (const { look, counts, watchdog } of [closed, ordering]) {
    for (let round = 0; round < 3; round += 1) await look();
    assert.deepEqual([counts.announced, watchdog.troubles()], [0, []]);
  }
});

test("clients that get nothing are a trouble when a second round finds the same, until they get something", async () => {
  const { look, log, watchdog, served, holding } = world(["02", REFUSED]);
  await look();
  assert.deepEqual(watchdog.troubles(), [], "a moment may be busy");
  assert.equal(log.only("certificate.unserved")["why"], "the connection was refused");
  await look();
  const [trouble] = watchdog.troubles();
  assert.deepEqual(
    [trouble?.kind, trouble?.host, trouble?.severity, trouble?.detail],
    [
      ...["certificate.unserved", HOST, "critical"],
      "A connection of our own: the connection was refused",
    ],
  );
  assert.equal(holding.servedSerial, undefined, "and so says the status");
  served.fill("02");
  await look();
  assert.deepEqual([watchdog.troubles(), holding.servedSerial], [[], "02"]);
  served.fill(SILENT);
  await look();
  served.fill("02");
  await look();
  served.fill(SILENT);
  await look();
  assert.deepEqual(watchdog.troubles(), [], "not two in a row");
});

test("a certificate that has expired, or that policy refuses now, is owed to nobody", async () => {
  const expired = world([REFUSED]);
  expired.clock.advance(1);
  const refused = world([REFUSED]);
  refused.holding.isRefused = true;
  for (const { look, watchdog, log } of [expired, refused]) {
    for (let round = 0; round < 2; round += 1) await look();
    assert.deepEqual([watchdog.troubles(), log.events], [[], []]);
  }
});

test("a door that answers nobody costs a round the time of a few looks, however many names there are", async () => {
  const { look, counts, holdings, holding } = world([SILENT]);
  for (let index = 1; index < 1_000; index += 1)
    holdings.push({ ...holding, host: named(`n${index}.example`) });
  await look();
  assert.equal(counts.looks, limits.watchdogSilentMax);
});

for (const [what, state] of [
  ["without a certificate", { certificate: undefined }],
  ["that are being ordered", { isOrdering: true }],
] as const) {
  test(`names ${what} among them make that no longer`, async () => {
    const { look, counts, holdings, holding } = world([SILENT]);
    for (let index = 1; index < 1_000; index += 1)
      holdings.push({ ...holding, host: named(`n${index}.example`), ...(index % 5 ? {} : state) });
    await look();
    assert.equal(counts.looks, limits.watchdogSilentMax);
  });
}

test("names that are owed nothing do not hide a door that answers nobody", async () => {
  const { look, watchdog, holdings, holding } = world([SILENT]);
  for (let index = 0; index < limits.watchdogSilentMax; index += 1)
    holdings.unshift({ ...holding, host: named(`n${index}.example`), isRefused: true });
  for (let round = 0; round < 2; round += 1) await look();
  assert.deepEqual(
    watchdog.troubles().map(({ host }) => host),
    [HOST],
  );
});

test("until a name was looked at, nobody knows whether its trouble of before is over", async () => {
  const { look, watchdog } = world(["02"]);
  assert.deepEqual(
    [HOST, "b.example"].map((host) => watchdog.isUndecided(host)),
    [true, false],
  );
  await look();
  assert.equal(watchdog.isUndecided(HOST), false);
});

test("a round comes soon after the start, for a part of many names, then every ten minutes, and every minute while one is served wrongly", async () => {
  const { watchdog, clock, counts, holdings, holding, served } = world(["02"], false);
  for (let index = 1; index < 1_000; index += 1)
    holdings.push({ ...holding, host: named(`n${index}.example`) });
  const stopping = new AbortController();
  const running = watchdog.run(stopping.signal);
  const { watchdogFirstMs, watchdogFirstMax, watchdogEveryMs, watchdogAgainMs } = limits;
  for (const [waitMs, looks] of [
    [watchdogFirstMs, 2 * watchdogFirstMax],
    [watchdogEveryMs, 2 * holdings.length],
    [watchdogEveryMs, 2],
    [watchdogAgainMs, 2],
  ] as const) {
    const before = counts.looks;
    await clock.asleep(1);
    clock.advance(waitMs - 1);
    assert.equal(clock.sleepers, 1);
    assert.equal(counts.looks, before);
    clock.advance(1);
    await clock.asleep(1);
    assert.equal(counts.looks, before + looks);
    if (looks === 2 * holdings.length) {
      holdings.length = 1;
      served.fill("01");
    }
  }
  assert.equal(holding.servedSerial, "01");
  stopping.abort();
  await running;
});

/** Two workers that read one storage, as they do; the second one misses news while it is `deaf`. */
async function twoWorkers({ storage, root, clock, log }: OpenStorage) {
  const load = async () => (await readCurrent(join(root, "certificates"), HOST))?.credential;
  const ask = async () => ({ kind: "unavailable" }) as const;
  const newCredentials = () =>
    new Credentials({ load, ask, loadManual: () => Promise.reject(new Error("none")) }, clock);
  const all = new Map([1, 2].map((index) => [index, newCredentials()]));
  const state = { isDeaf: true, isSilent: false };
  const obey = async (message: ManagerToWorkers) => {
    if (message.type !== "certificate.announce") return;
    for (const [index, credentials] of all) {
      if (index === 1 || !state.isDeaf) await credentials.announced(message);
      workers.acknowledged(message.announcement, index);
    }
  };
  const workers = new Workers({
    ...{ clock, log, hosts: [], https: undefined, findHost: () => undefined },
    signal: new AbortController().signal,
    broadcast: (message) => void obey(message),
    askWorker: async (index, question, signal) => {
      const asked = question(index);
      if (state.isSilent || asked.type !== "serial.ask") {
        await once(signal, "abort");
        throw signal.reason;
      }
      return { type: "serial.answer", ask: asked.ask, serial: all.get(index)?.servedSerial(HOST) };
    },
  });
  workers.changed(
    [...all.keys()].map((index) => ({
      index,
      pid: 1,
      startedAt: 0,
      ready: true,
      isCurrent: true,
      isDraining: false,
    })),
  );
  const holding = newHolding(HOST, true);
  const swapIn = async () => {
    const stored = await storage.certificates.load(HOST);
    const news = { host: HOST, issuance: 1, held: undefined };
    if (stored !== undefined) await workers.swap(stored.credential, news);
  };
  /** A new certificate that is stored and announced; its serial. */
  const renew = async () => {
    const saved = await storage.certificates.save(HOST, certificateFor(HOST), {
      issuer: directory,
    });
    holding.certificate = heldCertificate({ serial: saved.credential.serial });
    await swapIn();
    return saved.credential.serial;
  };
  const visitAll = async () => {
    const { signal } = new AbortController();
    for (const credentials of all.values()) await credentials.obtain(HOST, makeHost(HOST), signal);
  };
  const watchdog = new Watchdog({
    ...{ clock, log, holdings: () => [holding], random: () => 0.5, announceAgain: swapIn },
    look: (host) => workers.look(host),
    heldSerials: (host) => workers.heldSerials(host),
    workers: () => workers.count,
  });
  const look = () => watchdog.look(new AbortController().signal);
  return { state, renew, visitAll, watchdog, look };
}

test("of two workers the one that did not swap is told of by its number, until it has", async () => {
  await using opened = await openStorage();
  const { state, renew, visitAll, watchdog, look } = await twoWorkers(opened);
  const old = await renew();
  await visitAll();
  await look();
  assert.deepEqual(watchdog.troubles(), []);
  const serial = await renew();
  await look();
  const [trouble] = watchdog.troubles();
  assert.deepEqual(
    [trouble?.kind, trouble?.detail],
    ["certificate.mismatch", `Worker 2 serves ${old}`],
  );
  const { worker, serial: wanted, servedSerial } = opened.log.only("certificate.mismatch");
  assert.deepEqual([worker, wanted, servedSerial], [2, serial, old]);
  state.isDeaf = false;
  await look();
  assert.deepEqual(watchdog.troubles(), []);
});

test("workers that hold nothing of the name, or say nothing in time, are no mismatch", async () => {
  await using opened = await openStorage();
  const { state, renew, visitAll, watchdog, look } = await twoWorkers(opened);
  await renew();
  await look();
  assert.deepEqual(watchdog.troubles(), []);
  await visitAll();
  await renew();
  state.isSilent = true;
  changeLimits({ serialAskMs: 10 });
  await look();
  changeLimits({});
  assert.deepEqual(watchdog.troubles(), []);
});
