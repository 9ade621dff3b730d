import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { AcmeTransport } from "../../src/acme/transport.ts";
import { Bell } from "../../src/base/bell.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { type HeldCertificate, type Holding, recordOf } from "../../src/certificate/records.ts";
import { keepRenewing } from "../../src/certificate/renew.ts";
import { RenewalWatch, type WatchSteps } from "../../src/certificate/renewal-info.ts";
import { polling } from "../../src/certificate/window.ts";
import type { StoredRenewalInfo } from "../../src/storage/renewal-info.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { problem, type ScriptedAnswer, ScriptedCa, urlOf } from "../support/scripted-ca.ts";
import { keptLog, named } from "../support/stored.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Longer than the loop's shortest wait. */
const MOMENT = 1_000;

/** A watch on a virtual clock with a CA at every directory that `cas` names; the disk is a map. */
function worldOf(
  cas: Readonly<Record<string, AcmeTransport>>,
  replaced: Partial<WatchSteps> = {},
  disk = new Map<string, StoredRenewalInfo>(),
) {
  const clock = new ManualClock();
  const log = keptLog();
  const holdings = new Holdings();
  const bell = new Bell();
  const stopping = new AbortController();
  const watch = new RenewalWatch({
    holdings,
    clock,
    log,
    polling: polling(),
    checkEveryMs: 10 * MINUTE,
    random: () => 0.5,
    moved: () => bell.ring(),
    endpointOf: (_host, directory) => {
      const transport = cas[directory];
      return transport && { directory, transport };
    },
    store: {
      load: async (host) => disk.get(host),
      save: async (host, info) => void disk.set(host, info),
    },
    ...replaced,
  });
  const hold = (host: string, directory = urlOf("/directory")) => {
    const holding = holdings.hold(named(host), true) ?? assert.fail();
    holding.certificate = certificateFrom(directory, clock.now(), host);
    return holding;
  };
  const pass = async (ms: number) => {
    for (const part of [MOMENT, ms - 3 * MOMENT, MOMENT, MOMENT]) {
      if (part > 0) clock.advance(part);
      await turn();
    }
  };
  const run = async () => {
    void watch.keepAsking(stopping.signal);
    await pass(3 * MOMENT);
  };
  return { clock, log, holdings, bell, stopping, watch, disk, hold, pass, run };
}

/** 90 days, renewed after 60 by the lifetime alone. */
function certificateFrom(issuer: string, now: number, name = "x"): HeldCertificate {
  const times = { notBefore: now, notAfter: now + 90 * DAY, renewAt: now + 60 * DAY };
  return heldCertificate({ issuer, serial: name, certId: `aki.${name}`, ...times });
}

function windowOf(start: number, end: number, more: object = {}): ScriptedAnswer {
  const suggestedWindow = {
    start: new Date(start).toISOString(),
    end: new Date(end).toISOString(),
  };
  return { headers: { "retry-after": "21600" }, body: { suggestedWindow, ...more } };
}

function only(host = "shop.example", ...answers: readonly ScriptedAnswer[]) {
  const ca = new ScriptedCa();
  ca.script(`/renewal/aki.${host}`, ...answers);
  return ca;
}

const START = new ManualClock().now();
const later = windowOf(START + 70 * DAY, START + 72 * DAY);
const isAsked = (ca: ScriptedCa) =>
  ca.requests.filter((request) => request.startsWith("GET /renewal/")).length;

test("a new certificate is asked about at once, without an account, and its moment is kept", async () => {
  const ca = only("shop.example", later);
  const world = worldOf({ [ca.directory]: ca });
  const holding = world.hold("shop.example");
  await world.run();
  assert.deepEqual(ca.requests, ["GET /directory", "GET /renewal/aki.shop.example"]);
  const at = (days: number) => new Date(START + days * DAY).toISOString();
  const { renewAt, renewalInfo } = recordOf(holding, START);
  assert.deepEqual(renewalInfo, { start: at(70), end: at(72) });
  assert.equal(renewAt, at(71), "later than a third left: the CA decides");
  assert.equal(world.disk.get("shop.example")?.window?.pickedAt, START + 71 * DAY);
  assert.equal(world.log.only("renewal-info.received")["renewAt"], at(71));
  world.stopping.abort();
});

test("the CA is asked again when it said, and no earlier", async () => {
  const ca = only("shop.example", later);
  const world = worldOf({ [ca.directory]: ca });
  world.hold("shop.example");
  await world.run();
  await world.pass(6 * HOUR - MINUTE);
  assert.equal(isAsked(ca), 1);
  await world.pass(2 * MINUTE);
  assert.equal(isAsked(ca), 2);
  world.stopping.abort();
});

const useless: readonly { readonly what: string; readonly answer: ScriptedAnswer }[] = [
  { what: "a page", answer: { body: "<html>" } },
  { what: "a page of a gateway", answer: { status: 502, body: "<html>" } },
  { what: "that it knows no such certificate", answer: problem(404, "malformed") },
  { what: "that it has trouble of its own", answer: problem(500, "serverInternal") },
  { what: "that it is asked too often", answer: problem(429, "rateLimited") },
  { what: "an empty object", answer: {} },
  { what: "times that are none", answer: { body: { suggestedWindow: { start: 1, end: 2 } } } },
  { what: "an end before the start", answer: windowOf(START + 2 * DAY, START + DAY) },
  { what: "the year 2099", answer: windowOf(Date.UTC(2099, 0), Date.UTC(2099, 1)) },
  { what: "a time after its end", answer: windowOf(START + 91 * DAY, START + 92 * DAY) },
];

for (const { what, answer } of useless) {
  test(`C11: what a CA says to a renewal is ignored, and asked again a minute later: ${what}`, async () => {
    const ca = only("shop.example", answer, later);
    const world = worldOf({ [ca.directory]: ca });
    const holding = world.hold("shop.example");
    await world.run();
    const { renewAt, renewalInfo, attempts, lastError, state } = recordOf(holding, START);
    assert.equal(renewalInfo, null);
    assert.equal(renewAt, new Date(START + 60 * DAY).toISOString());
    assert.deepEqual([attempts, lastError, state], [0, null, "valid"]);
    world.log.only("renewal-info.failed");
    await world.pass(50_000);
    assert.equal(isAsked(ca), 1);
    await world.pass(20_000);
    assert.notEqual(recordOf(holding, START).renewalInfo, null);
    world.stopping.abort();
  });

  test(`a moment that is known outlives what a CA says later: ${what}`, async () => {
    const ca = only("shop.example", later, answer);
    const world = worldOf({ [ca.directory]: ca });
    const holding = world.hold("shop.example");
    await world.run();
    const known = recordOf(holding, START);
    await world.pass(6 * HOUR + MINUTE);
    world.log.only("renewal-info.failed");
    assert.deepEqual(recordOf(holding, START), known);
    world.stopping.abort();
  });
}

test("failures that repeat are answered by longer and longer waits", async () => {
  const ca = only("shop.example", problem(404, "malformed"));
  const world = worldOf({ [ca.directory]: ca });
  world.hold("shop.example");
  await world.run();
  for (let minutes = 0; minutes < 24 * 60; minutes += 1) await world.pass(MINUTE);
  assert.ok(isAsked(ca) >= 11 && isAsked(ca) <= 13, `${isAsked(ca)} questions in a day`);
  world.stopping.abort();
});

/** A transport that never answers, and counts. */
function silentCa() {
  const asked: string[] = [];
  const transport: AcmeTransport = {
    request: ({ url }, signal) => {
      asked.push(url);
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
  };
  return { asked, transport };
}

test("C6: a CA that is down, or hangs, delays nobody but its own names, and is not asked for each of them", async () => {
  const hanging = silentCa();
  let knocks = 0;
  const down: AcmeTransport = {
    request: async () => {
      knocks += 1;
      throw new LatchkeyError("ACME_UNREACHABLE", "Cannot reach it: no route");
    },
  };
  const well = new ScriptedCa();
  const world = worldOf({
    "https://hanging.test/": hanging.transport,
    "https://down.test/": down,
    [well.directory]: well,
  });
  const names = Array.from({ length: 30 }, (_, index) => `${index}.shop.example`);
  for (const name of names) {
    world.hold(`h${name}`, "https://hanging.test/");
    world.hold(`d${name}`, "https://down.test/");
    well.script(`/renewal/aki.${name}`, later);
    world.hold(name);
  }
  await world.run();
  for (let second = 0; second < 20; second += 1) await world.pass(MOMENT);
  assert.equal(isAsked(well), names.length);
  assert.equal(hanging.asked.length, 2);
  assert.equal(knocks, 2, "the others of its names wait with those that found out");
  for (let minutes = 0; minutes < 60; minutes += 1) await world.pass(MINUTE);
  assert.ok(knocks <= 14, `${knocks} knocks in an hour`);
  world.stopping.abort();
});

test("a CA is asked about two certificates at once, and about all of them in the end", async () => {
  let [inFlight, most, done] = [0, 0, 0];
  const ca = new ScriptedCa();
  const slow: AcmeTransport = {
    request: async (request, signal) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await turn();
      inFlight -= 1;
      done += 1;
      return await ca.request(request, signal);
    },
  };
  const world = worldOf({ [ca.directory]: slow });
  for (let index = 0; index < 20; index += 1) {
    ca.script(`/renewal/aki.${index}.example`, later);
    world.hold(`${index}.example`);
  }
  await world.run();
  for (let second = 0; isAsked(ca) < 20; second += 1) {
    assert.ok(second < 100);
    await world.pass(MOMENT);
  }
  assert.equal(most, 2);
  assert.ok(done <= 22);
  world.stopping.abort();
});

test("a restart goes by the moment that is stored, and asks nobody before it is time", async () => {
  const ca = new ScriptedCa();
  const disk = new Map<string, StoredRenewalInfo>();
  const names = Array.from({ length: 50 }, (_, index) => `${index}.shop.example`);
  const first = worldOf({ [ca.directory]: ca }, {}, disk);
  for (const [index, name] of names.entries()) {
    // Half of them have no window: that is not asked for again at once either.
    ca.script(`/renewal/aki.${name}`, index % 2 === 0 ? later : problem(404, "malformed"));
    first.hold(name);
  }
  await first.run();
  while (isAsked(ca) < names.length && first.clock.now() < START + MINUTE) await first.pass(MOMENT);
  first.stopping.abort();
  assert.equal(isAsked(ca), names.length);
  const rows = [...first.holdings.all()].map(recordOf);

  const second = worldOf({ [ca.directory]: ca }, { random: () => 0.9 }, disk);
  for (const name of names) {
    const holding = second.hold(name);
    await second.watch.recall(named(name), holding.certificate ?? assert.fail());
  }
  assert.deepEqual([...second.holdings.all()].map(recordOf), rows);
  await second.run();
  await second.pass(30_000);
  assert.equal(isAsked(ca), names.length);
  second.stopping.abort();
});

/** The unattended loop and the watch together, as they run. */
function renewing(world: ReturnType<typeof worldOf>) {
  const renewed: number[] = [];
  void keepRenewing(
    {
      holdings: world.holdings,
      clock: world.clock,
      bell: world.bell,
      atStart: () => true,
      renewal: { checkEveryMs: DAY, at: "auto" },
      saveUnsaved: async () => {},
      forget: async () => {},
      renew: async (holding: Holding) => {
        renewed.push(world.clock.now());
        const next = certificateFrom(urlOf("/directory"), world.clock.now());
        holding.certificate = { ...next, serial: `next-${renewed.length}` };
        world.watch.noticed();
      },
    },
    world.stopping.signal,
  );
  return renewed;
}

test("C10: a window that moves into the past renews at once, not at the next look of the loop", async () => {
  const revoked = windowOf(START - HOUR, START - HOUR / 2, {
    explanationURL: "https://ca.test/incident",
  });
  const ca = only("shop.example", later, revoked);
  ca.script("/renewal/aki.x", windowOf(START + 60 * DAY, START + 61 * DAY));
  const world = worldOf({ [ca.directory]: ca });
  world.hold("shop.example");
  const renewed = renewing(world);
  await world.run();
  assert.deepEqual(renewed, []);
  await world.pass(6 * HOUR + MINUTE);
  assert.equal(renewed.length, 1);
  const { explanationUrl } = world.log.only("renewal-info.explained");
  assert.equal(explanationUrl, "https://ca.test/incident");
  await world.pass(HOUR);
  assert.equal(renewed.length, 1);
  assert.equal(isAsked(ca), 3, "the new one was asked about at once");
  world.stopping.abort();
});

test("the loop sleeps until the moment that was picked, and orders then", async () => {
  const ca = only("shop.example", windowOf(START + HOUR, START + 2 * HOUR));
  ca.script("/renewal/aki.x", later);
  const world = worldOf({ [ca.directory]: ca });
  world.hold("shop.example");
  const renewed = renewing(world);
  await world.run();
  world.clock.advance(1.5 * HOUR - 3 * MOMENT - 1);
  await turn();
  assert.deepEqual(renewed, []);
  world.clock.advance(1);
  await turn();
  assert.deepEqual(renewed, [START + 1.5 * HOUR]);
  world.stopping.abort();
});

test("a page that explains is told once, and again when it is another", async () => {
  const explained = (page: string) =>
    windowOf(START + 70 * DAY, START + 72 * DAY, { explanationURL: `https://ca.test/${page}` });
  const ca = only("shop.example", explained("a"), explained("a"), explained("b"), explained("b"));
  const world = worldOf({ [ca.directory]: ca });
  world.hold("shop.example");
  await world.run();
  for (let look = 0; look < 3; look += 1) await world.pass(6 * HOUR + MINUTE);
  assert.equal(isAsked(ca), 4);
  const told = world.log.events.filter(({ event }) => event === "renewal-info.explained");
  assert.deepEqual(
    told.map(({ facts }) => facts["explanationUrl"]),
    ["https://ca.test/a", "https://ca.test/b"],
  );
  world.stopping.abort();
});

test("nobody is asked while storage cannot be written, that is told once, and a minute after it can be all are asked", async () => {
  const ca = only("shop.example", later);
  ca.script("/renewal/aki.other.example", later);
  const full = new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full");
  let isFull = true;
  const disk = new Map<string, StoredRenewalInfo>();
  const store: WatchSteps["store"] = {
    load: async (host) => disk.get(host),
    save: async (host, info) => {
      if (isFull) throw full;
      disk.set(host, info);
    },
  };
  const world = worldOf({ [ca.directory]: ca }, { store });
  const holding = world.hold("shop.example");
  world.hold("other.example");
  await world.run();
  for (let minutes = 0; minutes < 60; minutes += 1) await world.pass(MINUTE);
  assert.deepEqual(ca.requests, []);
  world.log.only("storage.failed");
  isFull = false;
  await world.pass(MINUTE + MOMENT);
  assert.equal(isAsked(ca), 2);
  assert.notEqual(recordOf(holding, START).renewalInfo, null);
  assert.equal(disk.size, 2);
  world.stopping.abort();
});

test("advice that cannot be stored although the disk took the question is followed all the same", async () => {
  const ca = only("shop.example", later);
  const full = new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full");
  let saves = 0;
  const store: WatchSteps["store"] = {
    load: async () => undefined,
    save: async () => {
      saves += 1;
      if (saves > 1) throw full;
    },
  };
  const world = worldOf({ [ca.directory]: ca }, { store });
  const holding = world.hold("shop.example");
  await world.run();
  assert.notEqual(recordOf(holding, START).renewalInfo, null);
  world.log.only("storage.failed");
  world.stopping.abort();
});

const unasked: readonly { readonly what: string; readonly change: (holding: Holding) => void }[] = [
  { what: "has expired", change: (holding) => alter(holding, { notAfter: START - 1 }) },
  { what: "does not follow advice", change: (holding) => alter(holding, { followsAdvice: false }) },
  { what: "has no CertID", change: (holding) => alter(holding, { certId: undefined }) },
  { what: "is another CA's", change: (holding) => alter(holding, { issuer: urlOf("/other") }) },
  { what: "policy refuses", change: refuse },
];

function refuse(holding: Holding): void {
  holding.isRefused = true;
}

function alter(holding: Holding, change: Partial<HeldCertificate>): void {
  holding.certificate = { ...(holding.certificate ?? assert.fail()), ...change };
}

for (const { what, change } of unasked) {
  test(`nobody is asked about a certificate that ${what}`, async () => {
    const ca = only("shop.example", later);
    const world = worldOf({ [ca.directory]: ca });
    change(world.hold("shop.example"));
    await world.run();
    await world.pass(DAY);
    assert.deepEqual(ca.requests, []);
    world.stopping.abort();
  });
}

test("with a percentage in the file, what is stored of a CA's advice is neither followed nor shown", async () => {
  const ca = only("shop.example", later);
  const world = worldOf({ [ca.directory]: ca });
  const holding = world.hold("shop.example");
  await world.run();
  alter(holding, { followsAdvice: false });
  const { renewalInfo, renewAt } = recordOf(holding, START);
  assert.deepEqual([renewalInfo, renewAt], [null, new Date(START + 60 * DAY).toISOString()]);
  world.stopping.abort();
});

/** A CA that advises nobody. */
function unadvising() {
  const ca = new ScriptedCa();
  const [newNonce, newAccount, newOrder] = ["/nonce", "/account", "/order"].map(urlOf);
  ca.script("/directory", { body: { newNonce, newAccount, newOrder } });
  return ca;
}

test("a CA without renewal information is looked at once a day", async () => {
  const ca = unadvising();
  const world = worldOf({ [ca.directory]: ca });
  const holding = world.hold("shop.example");
  await world.run();
  for (let hours = 0; hours < 23; hours += 1) await world.pass(HOUR);
  assert.deepEqual(ca.requests, ["GET /directory"]);
  assert.equal(recordOf(holding, START).renewAt, new Date(START + 60 * DAY).toISOString());
  world.stopping.abort();
});

/** What CAs answer, or keep for themselves, and how many requests a hundred starts of a program in ten minutes cost. */
const startStories: readonly {
  readonly what: string;
  readonly ca: () => AcmeTransport & { readonly directory: string };
  readonly most: number;
}[] = [
  { what: "that advises", ca: () => only("shop.example", later), most: 2 },
  { what: "that advises nobody", ca: unadvising, most: 1 },
  // After 1, 2, 4 … min; each time whether the CA has moved, too.
  {
    what: "that knows no certificate",
    ca: () => only("shop.example", problem(404, "malformed")),
    most: 12,
  },
  { what: "that never answers before the program dies", ca: neverAnswering, most: 4 },
];

function neverAnswering() {
  const { transport } = silentCa();
  return { directory: urlOf("/directory"), request: transport.request };
}

for (const { what, ca: make, most } of startStories) {
  test(`a hundred starts in ten minutes ask a CA ${what} for no more than ${most} things`, async () => {
    const ca = make();
    let requests = 0;
    const counting: AcmeTransport = {
      request: (request, signal) => {
        requests += 1;
        return ca.request(request, signal);
      },
    };
    const disk = new Map<string, StoredRenewalInfo>();
    for (let start = 0; start < 100; start += 1) {
      const clock = new ManualClock(START + start * 6_000);
      const world = worldOf({ [ca.directory]: counting }, { clock }, disk);
      const certificate = certificateFrom(ca.directory, START, "shop.example");
      world.hold("shop.example").certificate = certificate;
      await world.watch.recall(named("shop.example"), certificate);
      void world.watch.keepAsking(world.stopping.signal);
      for (let moment = 0; moment < 5; moment += 1) {
        clock.advance(MOMENT);
        await turn();
      }
      world.stopping.abort();
      await turn();
    }
    assert.ok(requests > 0 && requests <= most, `${requests} requests`);
  });
}

test("advice on a certificate that was replaced meanwhile is dropped", async () => {
  const ca = only("shop.example", later);
  ca.script("/renewal/aki.x", windowOf(START + 60 * DAY, START + 61 * DAY));
  let holding: Holding | undefined;
  const transport: AcmeTransport = {
    request: async (request, signal) => {
      const isAboutFirst = request.url.endsWith("/aki.shop.example");
      if (isAboutFirst && holding) alter(holding, { serial: "x", certId: "aki.x" });
      return await ca.request(request, signal);
    },
  };
  const world = worldOf({ [ca.directory]: transport });
  holding = world.hold("shop.example");
  await world.run();
  assert.equal(
    recordOf(holding, START).renewalInfo?.start,
    new Date(START + 60 * DAY).toISOString(),
  );
  assert.equal(world.disk.get("shop.example")?.serial, "x");
  world.stopping.abort();
});
