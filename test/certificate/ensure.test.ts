import assert from "node:assert/strict";
import { test } from "node:test";
import { AcmeProblem } from "../../src/acme/problem.ts";
import type { CertificateName } from "../../src/base/certificate-name.ts";
import { readCredential } from "../../src/base/credential.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { AttemptMemory } from "../../src/certificate/attempts.ts";
import { challengesAfter } from "../../src/certificate/challenge.ts";
import { CertificateKeeper, type KeeperSteps } from "../../src/certificate/ensure.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { judge } from "../../src/certificate/judge.ts";
import { Legacy } from "../../src/certificate/legacy.ts";
import { OrderQueue } from "../../src/certificate/order-queue.ts";
import type { Decision } from "../../src/certificate/policy.ts";
import { type Issued, recordOf } from "../../src/certificate/records.ts";
import { dueAt } from "../../src/certificate/renew.ts";
import { saveUnsaved } from "../../src/certificate/unsaved.ts";
import type { Wait } from "../../src/certificate/wait.ts";
import type { Issuer } from "../../src/config/config.ts";
import { changeLimits, limits } from "../../src/config/limits.ts";
import type { Attempts, FailureMemory } from "../../src/storage/attempts.ts";
import { makeCertificate } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";
import { turns } from "../support/ticks.ts";

const host = named("shop.example");
const MINUTE = 60_000;

function issuedFor(name: string): Issued {
  const { chain, key } = makeCertificate({ names: [name] });
  return { credential: readCredential(chain, key), issuer: "https://ca.example/directory" };
}

/** A keeper whose steps record that they were taken; each may be replaced. */
function recordingKeeper(
  replaced: Partial<KeeperSteps> = {},
  past: { readonly disk?: Map<string, FailureMemory>; readonly hasOrder?: boolean } = {},
  configuration = "same",
  inFlightMax: number = limits.ordersInFlightMax,
) {
  const taken: string[] = [];
  const clock = new ManualClock(Date.now());
  const log = keptLog();
  const holdings = new Holdings();
  const disk = past.disk ?? new Map<string, FailureMemory>();
  const store: Pick<Attempts, "load" | "save" | "clear"> = {
    load: async (name) => disk.get(name),
    save: async (memory) => void disk.set(memory.host, memory),
    clear: async (name) => void disk.delete(name),
  };
  const attempts = new AttemptMemory({
    store,
    judge,
    directoryOf: (issuer) => (issuer.kind === "internal" ? "internal" : issuer.directory),
    clock,
    log,
    hasOrder: async () => past.hasOrder === true,
    caaIdentitiesOf: () => [],
    configurationOf: () => configuration,
    random: () => 0.5,
  });
  const steps: KeeperSteps = {
    decide: async () => ({ kind: "allowed", issuers: [{ kind: "internal" }], listed: true }),
    isWanted: () => true,
    isRevoked: () => false,
    directoryOf: () => "https://ca.example/directory",
    waitFor: () => undefined,
    reopen: () => {},
    load: async () => undefined,
    order: async (name) => issuedFor(name),
    store: async () => {},
    failed: () => {},
    swap: async (credential) => credential.serial,
    moved: () => {},
    ...replaced,
  };
  const recording: KeeperSteps = {
    ...steps,
    order: (...args) => {
      taken.push("order");
      return steps.order(...args);
    },
    store: (...args) => {
      taken.push("store");
      return steps.store(...args);
    },
    swap: (...args) => {
      taken.push("swap");
      return steps.swap(...args);
    },
  };
  const { signal } = new AbortController();
  const queue = new OrderQueue({
    clock,
    signal,
    inFlightMax,
    paceMsOf: () => 0,
  });
  const keeper = new CertificateKeeper(
    recording,
    { holdings, attempts, queue },
    {
      renewal: { checkEveryMs: MINUTE, at: "auto" },
      clock,
      log,
      signal,
      era: 0,
    },
  );
  const row = () => recordOf(holdings.get(host) ?? assert.fail("nothing is held"), clock.now());
  return { keeper, taken, clock, log, disk, holdings, row };
}

test("ensure places one order for a hundred callers, stores before it swaps, and forgets the attempt", async () => {
  const { keeper, taken, log, disk, row } = recordingKeeper();
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => keeper.ensure(host)));
  assert.deepEqual(taken, ["order", "store", "swap"]);
  assert.ok(outcomes.every(({ kind }) => kind === "stored"));
  assert.equal(log.only("order.started")["issuer"], "internal");
  assert.equal(disk.size, 0);
  assert.equal(row().state, "valid");
  assert.equal(row().servedSerial, row().serial);
});

test("ensure counts an attempt on disk before anything is asked of the CA", async () => {
  const seen: (FailureMemory | undefined)[] = [];
  const world = recordingKeeper({
    order: async (name) => {
      seen.push(world.disk.get(name));
      return issuedFor(name);
    },
  });
  await world.keeper.ensure(host);
  assert.equal(seen[0]?.attempts, 1);
  assert.equal(seen[0]?.lastError.type, "INTERRUPTED");
});

test("ensure orders nothing when storage holds the certificate", async () => {
  const stored = issuedFor("shop.example");
  const { keeper, taken } = recordingKeeper({ load: async () => stored });
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(taken, []);
});

test("ensure asks nothing of the CA for a name that policy refuses", async () => {
  const { keeper, taken } = recordingKeeper({
    decide: async () => ({ kind: "refused", why: "no", isFinal: true }),
  });
  assert.deepEqual(await keeper.ensure(host), { kind: "refused" });
  assert.deepEqual(taken, []);
});

test("a failed order is remembered and not repeated before its time", async () => {
  const refusal = new LatchkeyError("ACME_CHALLENGE_FAILED", "Cannot get it: no");
  const { keeper, taken, clock, disk, row } = recordingKeeper({
    order: async () => Promise.reject(refusal),
  });
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  assert.equal(row().state, "failed");
  assert.equal(row().lastError?.type, "ACME_CHALLENGE_FAILED");
  assert.equal(disk.get(host)?.attempts, 1);
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  clock.advance(59_000);
  await keeper.ensure(host);
  assert.deepEqual(taken, ["order"]);
  clock.advance(2_000);
  await keeper.ensure(host);
  assert.deepEqual(taken, ["order", "order"]);
  assert.equal(disk.get(host)?.attempts, 2);
});

test("a failure is on disk before it is told, so that whoever ends the program then loses nothing", async () => {
  const refusal = new LatchkeyError("ACME_CHALLENGE_FAILED", "Cannot get it: no");
  const { keeper, log, disk } = recordingKeeper({ order: async () => Promise.reject(refusal) });
  const remembered: unknown[] = [];
  log.error = () => void remembered.push(disk.get(host)?.lastError.type);
  await keeper.ensure(host);
  assert.deepEqual(remembered, ["ACME_CHALLENGE_FAILED"]);
});

test("nothing is asked of the CA when the attempt cannot be written down", async () => {
  const { keeper, taken, disk, row } = recordingKeeper();
  disk.set = () => {
    throw new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full");
  };
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  assert.deepEqual(taken, []);
  assert.equal(row().lastError?.type, "STORAGE_FAILED");
});

test("a certificate that cannot be saved is served from memory and travels with the message", async () => {
  const held: unknown[] = [];
  const { keeper, row } = recordingKeeper({
    store: async () =>
      Promise.reject(new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full")),
    swap: async (credential, news) => {
      held.push(news.held);
      return credential.serial;
    },
  });
  const outcome = await keeper.ensure(host);
  assert.equal(outcome.kind, "held");
  assert.notEqual(held[0], undefined);
  assert.equal(row().state, "valid");
});

test("a renewal that fails leaves the certificate in use", async () => {
  const stored = issuedFor("shop.example");
  const { keeper, holdings, row } = recordingKeeper({
    load: async () => stored,
    order: async () =>
      Promise.reject(new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: no route")),
  });
  await keeper.recall.adopt(host, true);
  await keeper.renew(holdings.get(host) ?? assert.fail());
  assert.equal(row().state, "failing");
  assert.equal(row().serial, stored.credential.serial);
  assert.notEqual(row().nextAttemptAt, null);
});

test("a certificate that came after a failure is not called failing while it is saved", async () => {
  const outcomes = [
    () => Promise.reject(new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: no route")),
    async () => issuedFor("shop.example"),
  ];
  const seen: unknown[] = [];
  const { keeper, clock, holdings } = recordingKeeper({
    order: async () => await (outcomes.shift() ?? assert.fail("asked too often"))(),
    store: async () => {
      const { certificate, lastError } = holdings.get(host) ?? assert.fail();
      seen.push([certificate !== undefined, lastError]);
    },
  });
  await keeper.recall.adopt(host, true);
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  clock.advance(24 * 60 * MINUTE);
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(seen, [[true, undefined]]);
});

test("a failure of before a restart keeps its place on the ladder", async () => {
  const { keeper, taken, clock, disk } = recordingKeeper();
  const lastError = { type: "x", detail: "y", hint: "z", at: clock.now() };
  disk.set(host, {
    host,
    kind: "refused",
    attempts: 3,
    nextAttemptAt: clock.now() + 100 * MINUTE,
    lastError,
  });
  await keeper.recall.adopt(host, true);
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  assert.deepEqual(taken, []);
});

test("a visitor of an expired certificate brings the renewal about; while that fails, the old one stays", async () => {
  const { chain, key } = makeCertificate({
    names: ["shop.example"],
    notBefore: Date.now() - 60 * MINUTE,
    notAfter: Date.now() - MINUTE,
  });
  const expired = {
    credential: readCredential(chain, key),
    issuer: "https://ca.example/directory",
  };
  const failing = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: no route");
  const { keeper, taken, row } = recordingKeeper({
    load: async () => expired,
    order: async () => Promise.reject(failing),
  });
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(taken, ["order"]);
  assert.equal(row().state, "failed");
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(taken, ["order"]);
});

test("a crash between the certificate and the end of its attempt leaves no failure behind", async () => {
  const stored = issuedFor("shop.example");
  const { keeper, clock, disk, row } = recordingKeeper({ load: async () => stored });
  const lastError = { type: "INTERRUPTED", detail: "y", hint: "z", at: clock.now() };
  disk.set(host, {
    host,
    kind: "refused",
    attempts: 1,
    nextAttemptAt: clock.now() + MINUTE,
    lastError,
  });
  await keeper.recall.adopt(host, true);
  assert.equal(row().state, "valid");
  assert.equal(disk.size, 0);
});

test("a crash in the middle of a renewal by hand leaves its order to go on with, though the certificate is not due", async () => {
  const stored = issuedFor("shop.example");
  const world = recordingKeeper({ load: async () => stored }, { hasOrder: true });
  const { keeper, clock, disk, holdings, row } = world;
  const lastError = { type: "INTERRUPTED", detail: "y", hint: "z", at: clock.now() };
  const nextAttemptAt = clock.now() + MINUTE;
  disk.set(host, { host, kind: "refused", attempts: 1, nextAttemptAt, lastError });
  await keeper.recall.adopt(host, true);
  assert.equal(dueAt(holdings.get(host) ?? assert.fail(), true), 0, "at once");
  assert.equal(row().state, "failing");
});

test("a crash in the middle of a renewal leaves its failures in memory, for the certificate is still due", async () => {
  const stored = issuedFor("shop.example");
  const { keeper, clock, disk, row } = recordingKeeper({ load: async () => stored });
  clock.advance(stored.credential.notAfter - 60 * MINUTE - clock.now());
  const lastError = { type: "INTERRUPTED", detail: "y", hint: "z", at: clock.now() };
  const nextAttemptAt = clock.now() + MINUTE;
  disk.set(host, { host, kind: "refused", attempts: 3, nextAttemptAt, lastError });
  await keeper.recall.adopt(host, true);
  const { state, attempts } = row();
  assert.deepEqual([state, attempts], ["failing", 3]);
  assert.equal(disk.size, 1);
});

const interrupted = [
  { attempts: 1, orders: 1, outcome: "stored" },
  { attempts: 2, orders: 0, outcome: "unavailable" },
];

for (const { attempts, orders, outcome } of interrupted) {
  test(`after attempt ${attempts} was cut short with nothing at the CA, a restart makes ${orders} at once`, async () => {
    const { keeper, taken, clock, disk } = recordingKeeper();
    const lastError = { type: "INTERRUPTED", detail: "y", hint: "z", at: clock.now() };
    const nextAttemptAt = clock.now() + MINUTE;
    disk.set(host, { host, kind: "refused", attempts, nextAttemptAt, lastError });
    await keeper.recall.adopt(host, true);
    assert.equal((await keeper.ensure(host)).kind, outcome);
    assert.equal(taken.filter((step) => step === "order").length, orders);
  });
}

test("the time that an order may take begins when its turn comes", async (t) => {
  const deadlines = t.mock.method(AbortSignal, "timeout");
  const gate = Promise.withResolvers<void>();
  const { keeper, taken } = recordingKeeper({
    order: async (name) => {
      await gate.promise;
      return issuedFor(name);
    },
  });
  const count = limits.ordersInFlightMax + 5;
  const names = Array.from({ length: count }, (_, index) => named(`${index}.shop.example`));
  const outcomes = Promise.all(names.map((name) => keeper.ensure(name)));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(taken.length, limits.ordersInFlightMax);
  assert.equal(deadlines.mock.callCount(), limits.ordersInFlightMax);
  gate.resolve();
  await outcomes;
  assert.equal(deadlines.mock.callCount(), count);
});

test("C9: after a certificate that does not fit, the CA is asked again an hour later at the soonest", async () => {
  const world = recordingKeeper({
    order: async () => {
      throw new LatchkeyError("CERTIFICATE_INVALID", "Cannot use the certificate: it has expired");
    },
  });
  const asked: number[] = [];
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    await world.keeper.ensure(host);
    if (world.taken.splice(0).includes("order")) asked.push(minute);
    world.clock.advance(MINUTE);
  }
  const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  assert.deepEqual(waits.slice(0, 3), [60, 60, 100]);
  assert.ok(
    waits.every((wait) => wait >= 60),
    String(waits),
  );
});

const remembered = (nextAttemptAt: number): FailureMemory => ({
  host,
  kind: "refused",
  attempts: 2,
  nextAttemptAt,
  lastError: { type: "ACME_CHALLENGE_FAILED", detail: "no", hint: undefined, at: 0 },
});

test("a restart does not forget the failures of a name made on demand, however many visitors come", async () => {
  const world = recordingKeeper();
  world.disk.set(host, remembered(world.clock.now() + MINUTE));
  const visits = await Promise.all([world.keeper.ensure(host), world.keeper.ensure(host)]);
  assert.deepEqual(visits, [{ kind: "unavailable" }, { kind: "unavailable" }]);
  assert.deepEqual(world.taken, []);
  assert.equal(world.row().attempts, 2);
  world.clock.advance(MINUTE);
  assert.deepEqual(await world.keeper.ensure(host), { kind: "stored" });
});

test("failures that cannot be read neither stop the start nor let anything be asked of the CA", async () => {
  const world = recordingKeeper();
  world.disk.get = () => {
    throw new LatchkeyError("STORAGE_FAILED", "Cannot read: I/O error");
  };
  await world.keeper.recall.adopt(host, true);
  assert.deepEqual(await world.keeper.ensure(host), { kind: "unavailable" });
  assert.deepEqual(world.taken, []);
});

test("nothing is ordered while storage cannot be read, and what it held is found later", async () => {
  let isBroken = true;
  const stored = issuedFor("shop.example");
  const { keeper, taken, clock, holdings } = recordingKeeper({
    load: async () => {
      if (isBroken) throw new LatchkeyError("STORAGE_FAILED", "Cannot read: an I/O error");
      return stored;
    },
  });
  await keeper.recall.adopt(host, true);
  assert.deepEqual(await keeper.ensure(host), { kind: "unavailable" });
  isBroken = false;
  clock.advance(61_000);
  await keeper.renew(holdings.get(host) ?? assert.fail());
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(taken, []);
});

const refusal = { kind: "refused", why: "onDemand.ask says no", isFinal: true } as const;

const denials = [
  { decision: refusal, outcome: "refused" },
  { decision: { ...refusal, isFinal: false }, outcome: "refused" },
  { decision: { kind: "not-ours", source: "manual" }, outcome: "refused" },
  { decision: { kind: "spent" }, outcome: "spent" },
  { decision: { kind: "later", why: "its domain has had its share" }, outcome: "unavailable" },
] as const;

for (const { decision, outcome } of denials) {
  test(`a visitor's name that is ${decision.kind} gets the outcome ${outcome}, no order and no row`, async () => {
    const clients: (string | undefined)[] = [];
    const { keeper, taken, holdings } = recordingKeeper({
      decide: async (_host, client) => {
        clients.push(client);
        return decision;
      },
    });
    assert.deepEqual(await keeper.ensure(host, "192.0.2.1"), { kind: outcome });
    assert.deepEqual([taken, [...holdings.all()], clients], [[], [], ["192.0.2.1"]]);
  });
}

test("a customer who left is shown as refused, with the reason, until the certificate has expired", async () => {
  const stored = issuedFor("shop.example");
  const world = recordingKeeper({ load: async () => stored, decide: async () => refusal });
  await world.keeper.recall.adopt(host, false);
  const holding = world.holdings.get(host) ?? assert.fail();
  await world.keeper.renew(holding);
  const { state, lastError } = world.row();
  assert.deepEqual(
    [state, lastError?.type, lastError?.detail],
    ["refused", "HOST_REFUSED", "onDemand.ask says no"],
  );
  world.clock.advance(stored.credential.notAfter - world.clock.now());
  await world.keeper.renew(holding);
  assert.equal(world.holdings.get(host), undefined);
});

test("a renewal that policy refuses is shown as refused until policy allows the name again", async () => {
  const stored = issuedFor("shop.example");
  const decisions: Decision[] = [refusal];
  const world = recordingKeeper({
    load: async () => stored,
    decide: async () =>
      decisions.shift() ?? { kind: "allowed", issuers: [{ kind: "internal" }], listed: false },
  });
  await world.keeper.recall.adopt(host, false);
  await world.keeper.renew(world.holdings.get(host) ?? assert.fail());
  assert.equal(world.row().state, "refused");
  assert.deepEqual(await world.keeper.ensure(host), { kind: "stored" });
  assert.equal(world.row().state, "valid");
});

test("a renewal about which the policy's service says nothing is tried again soon, and is not refused", async () => {
  const stored = issuedFor("shop.example");
  const world = recordingKeeper({
    load: async () => stored,
    decide: async () => ({ ...refusal, isFinal: false }),
  });
  await world.keeper.recall.adopt(host, false);
  const holding = world.holdings.get(host) ?? assert.fail();
  await world.keeper.renew(holding);
  assert.equal(world.row().state, "valid");
  assert.equal(holding.nextAttemptAt, world.clock.now() + MINUTE);
  assert.deepEqual(world.taken, []);
});

const acme = (directory: string): Issuer => ({
  kind: "acme",
  directory,
  trust: undefined,
  eab: undefined,
  profile: undefined,
  preferredChain: undefined,
});

/** A keeper with two CAs; `fails` says what an order at one of them ends with. */
function worldOfTwo(
  fails: (directory: string) => Error | undefined,
  replaced: Partial<KeeperSteps> = {},
) {
  const asked: string[] = [];
  const world = recordingKeeper({
    directoryOf: (issuer) => (issuer.kind === "acme" ? issuer.directory : "internal"),
    ...replaced,
    decide: async () => ({
      kind: "allowed",
      issuers: [acme("first"), acme("second")],
      listed: true,
    }),
    order: async (name, issuer) => {
      const directory = issuer.kind === "acme" ? issuer.directory : "internal";
      asked.push(directory);
      const error = fails(directory);
      if (error !== undefined) throw error;
      return { ...issuedFor(name), issuer: directory };
    },
  });
  const holding = () => world.holdings.get(host) ?? assert.fail();
  /** As the loop does: the attempts that are due until none is. */
  const renewAll = async () => {
    for (
      let attempt = 0;
      attempt < 10 && (dueAt(holding(), true) ?? 1e15) <= world.clock.now();
      attempt += 1
    )
      await world.keeper.renew(holding());
  };
  return { ...world, asked, holding, renewAll };
}

const outage = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA");

test("C16: the next issuer has its turn after two failures, and the first one is back at the next renewal", async () => {
  let isDown = true;
  const world = worldOfTwo((directory) => (isDown && directory === "first" ? outage : undefined));
  await world.keeper.ensure(host);
  assert.deepEqual(world.asked, ["first"]);
  assert.equal(world.log.only("order.started")["issuer"], "first");
  world.clock.advance(2 * MINUTE);
  await world.renewAll();
  assert.deepEqual(world.asked, ["first", "first", "second"]);
  assert.deepEqual([world.row().state, world.row().issuer], ["valid", "second"]);
  const { from, to } = world.log.only("issuer.switched");
  assert.deepEqual([from, to], ["first", "second"]);
  const { code: type, message: detail } = outage;
  assert.deepEqual(world.holding().switchedBy, { type, detail });

  isDown = false;
  await world.renewAll();
  assert.equal(world.asked.length, 3); // the fallback's certificate is as good as the first one's
  world.clock.advance((world.holding().certificate?.renewAt ?? 0) - world.clock.now());
  await world.keeper.renew(world.holding());
  assert.deepEqual(world.asked.slice(3), ["first"]);
  assert.equal(world.row().issuer, "first");
  assert.equal(world.holding().switchedBy, undefined);
});

test("what waits for a person at one CA goes to the next one straight away, also after a restart", async () => {
  const document = { detail: "CAA forbids it", status: 403, instance: undefined, subproblems: [] };
  const caa = new AcmeProblem("order", { type: "urn:ietf:params:acme:error:caa", ...document });
  const world = worldOfTwo((directory) => (directory === "first" ? caa : outage));
  await world.keeper.ensure(host);
  await world.renewAll();
  assert.deepEqual(world.asked, ["first", "second"]);
  assert.deepEqual(world.disk.get(host)?.turn, { issuer: "second", failures: 1, waits: {} });

  const restarted = worldOfTwo((directory) => (directory === "first" ? caa : undefined));
  restarted.disk.set(host, world.disk.get(host) ?? assert.fail());
  restarted.clock.advance(world.clock.now() - restarted.clock.now() + 2 * MINUTE);
  await restarted.keeper.ensure(host);
  assert.deepEqual(restarted.asked, ["second"]);
  assert.equal(restarted.disk.size, 0);
});

test("a full disk gives no issuer's turn away", async () => {
  const full = new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full");
  const world = worldOfTwo(() => full);
  await world.keeper.ensure(host);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    world.clock.advance(20 * MINUTE);
    await world.renewAll();
  }
  assert.deepEqual([...new Set(world.asked)], ["first"]);
});

const spent = {
  code: "BUDGET_SPENT",
  until: Date.now() + 3_600_000,
  detail: "what ca.example allows of new orders is used up",
} as const;

test("a name whose CA's budget is spent waits, is shown as waiting with the reason, and has failed nothing", async () => {
  const waits: (typeof spent)[] = [spent];
  const world = recordingKeeper({ waitFor: () => waits[0] });
  assert.deepEqual(await world.keeper.ensure(host), { kind: "unavailable" });
  const row = world.row();
  assert.deepEqual([row.state, row.attempts, row.lastError?.type], ["waiting", 0, spent.code]);
  assert.equal(row.nextAttemptAt, new Date(spent.until).toISOString());
  assert.deepEqual([world.taken, world.disk.size], [[], 0]);
  world.log.only("order.waiting");
  waits.length = 0;
  world.clock.advance(3_601_000);
  assert.deepEqual(await world.keeper.ensure(host), { kind: "stored" });
  assert.equal(world.row().lastError, null);
});

test("an attempt that finds the budget spent on its way is not counted", async () => {
  const { code, ...facts } = spent;
  const world = recordingKeeper({
    order: () => Promise.reject(new LatchkeyError(code, "Cannot order: used up", facts)),
  });
  await world.keeper.ensure(host);
  assert.deepEqual([world.row().state, world.row().attempts], ["waiting", 0]);
  assert.equal(world.disk.size, 0);
});

test("C16: a name whose first CA's budget is spent for an hour or more goes to the second one at once", async () => {
  const world = worldOfTwo(() => undefined, {
    waitFor: (_holding, directory) =>
      directory === "first" ? { ...spent, until: Date.now() + 7_200_000 } : undefined,
  });
  await world.keeper.ensure(host);
  await world.renewAll();
  assert.deepEqual(world.asked, ["second"]);
  assert.equal(world.row().state, "valid");
});

test("a name whose CAs all have their budgets spent waits for the first that has one again", async () => {
  const now = Date.now();
  const untilOf = (directory: string) => now + (directory === "first" ? 2 : 24) * 60 * MINUTE;
  const world = worldOfTwo(() => undefined, {
    waitFor: (_holding, directory) => ({ ...spent, until: untilOf(directory) }),
  });
  await world.keeper.ensure(host);
  await world.renewAll();
  assert.equal(world.row().nextAttemptAt, new Date(untilOf("first")).toISOString());
});

test("a visitor who read storage while an order ended does not bring the certificate of before back", async () => {
  const old = issuedFor("shop.example");
  const reading = Promise.withResolvers<Issued>();
  let reads = 0;
  const world = recordingKeeper({
    load: async () => {
      reads += 1;
      return reads === 2 ? await reading.promise : old;
    },
    store: () => Promise.reject(new LatchkeyError("STORAGE_FAILED", "Cannot write: full")),
  });
  await world.keeper.recall.adopt(host, true);
  const visitor = world.keeper.ensure(host);
  assert.equal((await world.keeper.orderNow(host)).kind, "issued");
  const { serial } = world.row();
  reading.resolve(old);
  assert.equal((await visitor).kind, "held");
  assert.equal(world.row().serial, serial);
  assert.deepEqual(world.taken, ["order", "store", "swap"]);
});

test("when an attempt of an operator or a visitor fails, the loop looks what is due from then on", async () => {
  const due: (number | undefined)[] = [];
  const issuers = [acme("first"), acme("next")];
  const world = recordingKeeper({
    decide: async () => ({ kind: "allowed", issuers, listed: true }),
    order: () => Promise.reject(new LatchkeyError("ACME_UNREACHABLE", "Cannot reach it")),
    moved: () => due.push(dueAt(world.holdings.get(host) ?? assert.fail(), true)),
  });
  await world.keeper.ensure(host);
  await world.keeper.orderNow(host);
  assert.ok((due[0] ?? 0) > world.clock.now());
  assert.equal(due[1], world.clock.now(), "the next issuer has its turn at once");
});

test("an operator's order is made although the CA asked to be left in peace; a visitor's is not", async () => {
  const until = Date.now() + 60 * MINUTE;
  let wait: Wait | undefined = { code: "ACME_PAUSED", until, detail: "the CA asked for peace" };
  const { keeper, taken } = recordingKeeper({
    waitFor: () => wait,
    reopen: () => {
      wait = undefined;
    },
  });
  assert.equal((await keeper.ensure(host)).kind, "unavailable");
  assert.deepEqual(taken, []);
  assert.equal((await keeper.orderNow(host)).kind, "issued");
});

for (const hasOrder of [false, true]) {
  const what = hasOrder ? "with its order on disk" : "before there is an order";
  const most = hasOrder ? 3 : 2;
  test(`D7: a program that is killed 100 times in a row in the middle of an attempt, ${what}, makes no more than ${most}`, async () => {
    const disk = new Map<string, FailureMemory>();
    let attempts = 0;
    for (let life = 0; life < 100; life += 1) {
      const world = recordingKeeper(
        {
          order: () => {
            attempts += 1;
            return new Promise(() => {}); // killed here: it never ends
          },
        },
        { disk, hasOrder },
      );
      await world.keeper.recall.adopt(host, true);
      void world.keeper.renew(world.holdings.get(host) ?? assert.fail());
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(attempts, most);
  });
}

const forbidden = new AcmeProblem("order", {
  type: "urn:ietf:params:acme:error:rejectedIdentifier",
  detail: "we do not issue for it",
  status: 400,
  instance: undefined,
  subproblems: [],
});

test("C8: what needs a person is tried once a day, also after restarts, until the configuration changes", async () => {
  const refuse = { order: () => Promise.reject(forbidden) };
  const world = recordingKeeper(refuse);
  await world.keeper.ensure(host);
  const day = Date.parse(world.row().nextAttemptAt ?? "") - world.clock.now();
  assert.equal(day, 86_400_000);

  const restarted = recordingKeeper(refuse, { disk: world.disk, hasOrder: true });
  await restarted.keeper.ensure(host);
  assert.deepEqual(restarted.taken, []);

  const reloaded = recordingKeeper({}, { disk: world.disk }, "another");
  await reloaded.keeper.ensure(host);
  assert.deepEqual(reloaded.taken, ["order", "store", "swap"]);
});

test("C3: a CA that says to come back in three hours is not asked before, and not after a restart either", async () => {
  const type = "urn:ietf:params:acme:error:serverInternal";
  const document = { type, detail: "maintenance", instance: undefined, subproblems: [] };
  const busy = new AcmeProblem(
    "order",
    { ...document, status: 503 },
    { retryAfterMs: 180 * MINUTE },
  );
  const world = recordingKeeper({ order: () => Promise.reject(busy) });
  await world.keeper.ensure(host);
  const waitMs = Date.parse(world.row().nextAttemptAt ?? "") - world.clock.now();
  assert.ok(waitMs >= 180 * MINUTE);

  const restarted = recordingKeeper({}, { disk: world.disk });
  restarted.clock.advance(179 * MINUTE);
  await restarted.keeper.ensure(host);
  assert.deepEqual(restarted.taken, []);
});

test("C8: after a failed challenge the next attempt is made with the next type, also after a restart", async () => {
  const document = { detail: "refused", status: 400, instance: undefined, subproblems: [] };
  const type = "urn:ietf:params:acme:error:connection";
  const closed = new AcmeProblem("prove", { type, ...document }, { challenge: "http-01" });
  const world = recordingKeeper({ order: () => Promise.reject(closed) });
  await world.keeper.ensure(host);
  const types = ["http-01", "tls-alpn-01"] as const;
  assert.equal(world.disk.get(host)?.failedChallenge, "http-01");
  const after = (failedChallenge: string | undefined) =>
    challengesAfter(types, { failedChallenge, lastError: { type } });
  assert.deepEqual(after("http-01"), ["tls-alpn-01", "http-01"]);
  assert.deepEqual(after("tls-alpn-01"), types);
  assert.deepEqual(after(undefined), types);

  const restarted = recordingKeeper({}, { disk: world.disk });
  await restarted.keeper.recall.adopt(host, true);
  assert.equal(restarted.holdings.get(host)?.failedChallenge, "http-01");
});

test("C8: a name that the CA finds no address for is proven by a record at the next attempt", async () => {
  const document = { detail: "NXDOMAIN", status: 400, instance: undefined, subproblems: [] };
  const type = "urn:ietf:params:acme:error:dns";
  const unresolved = new AcmeProblem("prove", { type, ...document }, { challenge: "http-01" });
  const world = recordingKeeper({ order: () => Promise.reject(unresolved) });
  await world.keeper.ensure(host);
  const types = ["http-01", "tls-alpn-01", "dns-01"] as const;
  const holding = world.holdings.get(host) ?? assert.fail();
  assert.deepEqual(challengesAfter(types, holding), ["dns-01", "tls-alpn-01", "http-01"]);
  holding.failedChallenge = "dns-01";
  assert.deepEqual(challengesAfter(types, holding), types);
});

test("C8: a name whose challenges keep failing costs no more than two more authorizations in the hour after the first", async () => {
  const document = { detail: "refused", status: 400, instance: undefined, subproblems: [] };
  const type = "urn:ietf:params:acme:error:connection";
  const closed = new AcmeProblem("prove", { type, ...document }, { challenge: "http-01" });
  const world = recordingKeeper({ order: () => Promise.reject(closed) });
  await world.keeper.ensure(host);
  for (let minute = 1; minute < 60; minute += 1) {
    world.clock.advance(MINUTE);
    await world.keeper.renew(world.holdings.get(host) ?? assert.fail());
  }
  assert.deepEqual(world.taken, ["order", "order", "order"]);
});

for (const [what, ask] of [
  [
    "a name that an operator asks for goes before all others that wait",
    async ({ keeper }, name) => assert.equal((await keeper.orderNow(name)).kind, "issued"),
  ],
  [
    "a listed host that a visitor waits for goes before those that nobody waits for",
    async ({ keeper }, name) => assert.notEqual((await keeper.ensure(name)).kind, "unavailable"),
  ],
] satisfies [
  string,
  (world: ReturnType<typeof recordingKeeper>, name: CertificateName) => Promise<void>,
][]) {
  test(`${what}, also when it waits itself`, async () => {
    const ordered: string[] = [];
    const { promise: asked, resolve: goOn } = Promise.withResolvers<void>();
    const world = recordingKeeper({
      order: async (name) => {
        ordered.push(name);
        await asked;
        return await issuedFor(name);
      },
    });
    const names = Array.from({ length: 60 }, (_, index) => named(`name-${index}.example`));
    await Promise.all(names.map((name) => world.keeper.recall.adopt(name, true)));
    const waiting = names.map((name) =>
      world.keeper.renew(world.holdings.get(name) ?? assert.fail()),
    );
    await new Promise((resolve) => setImmediate(resolve));
    const last = names.at(-1) ?? assert.fail();
    const now = ask(world, last);
    await new Promise((resolve) => setImmediate(resolve));
    goOn();
    await now;
    await Promise.all(waiting);
    assert.equal(ordered.length, names.length);
    assert.equal(ordered.indexOf(last), limits.ordersInFlightMax);
  });
}

test("S12: a certificate in use that storage has lost goes on from memory, and nothing is ordered", async () => {
  let stored: Issued | undefined = issuedFor("shop.example");
  const inUse = stored;
  const { keeper, taken, holdings } = recordingKeeper({ load: async () => stored });
  await keeper.ensure(host);
  stored = undefined;
  const outcome = await keeper.ensure(host);
  const { chain, key } = inUse.credential;
  assert.deepEqual(outcome, { kind: "held", credential: { host, issuance: 1, chain, key } });
  await saveUnsaved(holdings, keeper);
  const again = { host, issuance: 2, chain, key };
  assert.deepEqual(await keeper.ensure(host), { kind: "held", credential: again });
  stored = inUse;
  await saveUnsaved(holdings, keeper);
  assert.deepEqual(await keeper.ensure(host), { kind: "stored" });
  assert.deepEqual(
    taken.filter((step) => step === "order"),
    [],
  );
});

const legacies = [
  { what: "that storage has", stored: "same", outcome: "stored", kept: [undefined] },
  { what: "that storage has nothing of", stored: "none", outcome: "held", kept: [] },
  { what: "that storage has the one before of", stored: "older", outcome: "held", kept: [] },
  {
    what: "that storage has a newer one of",
    stored: "newer",
    outcome: "stored",
    kept: [undefined],
  },
  { what: "that is broken", stored: "none", outcome: "stored", kept: [undefined], key: "no key" },
] as const;

for (const { what, stored, outcome, kept, ...more } of legacies) {
  test(`what a manager of before could not save, and ${what}, is ${outcome === "held" ? "held on to" : "let go of"}`, async () => {
    const now = Date.now();
    const ages = { same: 0, older: -MINUTE, newer: MINUTE };
    const at = (ageMs: number): Issued => {
      const notBefore = now + ageMs;
      const files = makeCertificate({
        names: [host],
        notBefore,
        notAfter: notBefore + 60 * MINUTE,
      });
      return { credential: readCredential(files.chain, files.key), issuer: "https://ca.example/" };
    };
    const unsaved = at(0);
    const onDisk = stored === "same" ? unsaved : stored === "none" ? undefined : at(ages[stored]);
    const { keeper, holdings, log, taken } = recordingKeeper({ load: async () => onDisk });
    await keeper.recall.adopt(host, true);
    const { chain, key } = { ...unsaved.credential, ...more };
    const told: (string | undefined)[] = [];
    const legacy = new Legacy({
      ...{ holdings, log },
      inherited: [{ host, issuer: unsaved.issuer, chain, key }],
      bequeath: ({ certificate }) => void told.push(certificate?.chain),
      findHost: () => configOf(`hosts: { ${host}: { respond: ok } }`).hosts[0],
    });
    await legacy.accept(keeper.recall);
    assert.deepEqual(told, kept);
    assert.equal((await keeper.ensure(host)).kind, outcome);
    assert.deepEqual(taken, "key" in more ? ["order", "store", "swap"] : []);
    legacy.tell();
    assert.deepEqual(told, kept, "nothing is told twice");
  });
}

test("a name whose order waits or is under way keeps its place when the table of names on demand is full", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits({ onDemandNamesMax: 2 });
  const gate = Promise.withResolvers<void>();
  const world = recordingKeeper(
    {
      decide: async () => ({ kind: "allowed", issuers: [{ kind: "internal" }], listed: false }),
      order: async (name) => {
        await gate.promise;
        return issuedFor(name);
      },
    },
    {},
    "same",
    1,
  );
  const { keeper, holdings } = world;
  const [first, second, third] = ["a.example", "b.example", "c.example"].map(named);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const running = keeper.ensure(first);
  const queued = keeper.ensure(second);
  await turns();
  assert.equal(holdings.get(first)?.isOrdering, true);
  assert.equal(holdings.get(second)?.isOrdering, false);
  assert.deepEqual(await keeper.ensure(third), { kind: "unavailable" });
  gate.resolve();
  assert.deepEqual([(await running).kind, (await queued).kind], ["stored", "stored"]);
  assert.deepEqual(
    [...holdings.all()].map(({ host: name, certificate }) => [name, certificate !== undefined]),
    [
      [first, true],
      [second, true],
    ],
  );
});

test("a name that holds no certificate and wants none now makes room for another one", async (t) => {
  t.after(() => changeLimits({}));
  changeLimits({ onDemandNamesMax: 1 });
  const { holdings } = recordingKeeper();
  holdings.hold(named("a.example"), false);
  assert.notEqual(holdings.hold(named("b.example"), false), undefined);
  assert.deepEqual(
    [...holdings.all()].map(({ host: name }) => name),
    ["b.example"],
  );
});
