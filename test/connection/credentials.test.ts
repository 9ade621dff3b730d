import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Credential, readCredential } from "../../src/base/credential.ts";
import type { Hostname } from "../../src/base/hostname.ts";
import { limits } from "../../src/config/limits.ts";
import { type CredentialSources, Credentials } from "../../src/connection/credentials.ts";
import type {
  CertificateOutcome,
  HeldCredential,
  IssuanceNews,
} from "../../src/process/certificate-news.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { hostname, makeCredential, makeHost } from "../support/tls-door.ts";

const a = hostname("a.example");
const entry = makeHost("*.example");
const stays = new AbortController().signal;
const first = makeCredential(a);
const second = makeCredential(a);

/** A worker's sources in the test's hands: what is stored, what the manager says, and what was asked. */
class World implements CredentialSources {
  readonly stored = new Map<Hostname, Credential>();
  readonly loads: Hostname[] = [];
  readonly asks: { readonly host: Hostname; readonly signal: AbortSignal }[] = [];
  readonly clock = new ManualClock();
  readonly credentials = new Credentials(this, this.clock);
  answer: (host: Hostname, client: string | undefined) => Promise<CertificateOutcome> =
    async () => ({ kind: "refused" });
  /** What a read waits for after it has seen what is stored. */
  slowRead: Promise<unknown> = Promise.resolve();

  async load(host: Hostname): Promise<Credential | undefined> {
    this.loads.push(host);
    const seen = this.stored.get(host);
    await this.slowRead;
    return seen;
  }

  loadManual: CredentialSources["loadManual"] = async () => {
    throw new Error("no file");
  };

  ask(
    host: Hostname,
    signal: AbortSignal,
    client: string | undefined,
  ): Promise<CertificateOutcome> {
    this.asks.push({ host, signal });
    return this.answer(host, client);
  }

  obtain(host: Hostname = a, signal: AbortSignal = stays, client?: string, route = entry) {
    return this.credentials.obtain(host, route, signal, client);
  }
}

function heldOf({ chain, key }: Credential, issuance = 1): HeldCredential {
  return { host: a, issuance, chain, key };
}

/** The news that storage has a new one, or that of this one, which could not be saved. */
function news(issuance: number, held?: Credential): IssuanceNews {
  return { host: a, issuance, held };
}

async function serialOf(obtained: ReturnType<World["obtain"]>): Promise<string> {
  const outcome = await obtained;
  return outcome.kind === "credential" ? outcome.credential.serial : outcome.kind;
}

test("a stored credential is served without a question, and read once", async () => {
  const world = new World();
  world.stored.set(a, first);
  assert.deepEqual(await world.obtain(), { kind: "credential", credential: first });
  await world.obtain();
  assert.equal(world.loads.length, 1);
  assert.equal(world.asks.length, 0);
});

test("a hundred visitors of one host share one read", async () => {
  const world = new World();
  world.stored.set(a, first);
  await Promise.all(Array.from({ length: 100 }, () => world.obtain()));
  assert.equal(world.loads.length, 1);
});

test("visitors of a host without a certificate share one question", async () => {
  const world = new World();
  const answer = Promise.withResolvers<CertificateOutcome>();
  world.answer = () => answer.promise;
  const visitors = Array.from({ length: 50 }, () => world.obtain());
  await settled();
  answer.resolve({ kind: "held", credential: heldOf(first) });
  for (const visitor of visitors) assert.equal(await serialOf(visitor), first.serial);
  assert.equal(world.asks.length, 1);
});

test("what the manager has stored meanwhile is read from storage", async () => {
  const world = new World();
  world.answer = async () => {
    world.stored.set(a, first);
    return { kind: "stored" };
  };
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("what the manager calls stored and is not there is unavailable", async () => {
  const world = new World();
  world.answer = async () => ({ kind: "stored" });
  assert.equal((await world.obtain()).kind, "unavailable");
});

test("a storage that cannot be read does not stop what the manager holds", async () => {
  const world = new World();
  world.load = () => Promise.reject(new Error("EIO"));
  world.answer = async () => ({ kind: "held", credential: heldOf(first) });
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("a name that is refused is not asked about again for a second", async () => {
  const world = new World();
  for (let each = 0; each < 1_000; each += 1) {
    assert.deepEqual(await world.obtain(), { kind: "refused" });
  }
  assert.deepEqual([world.loads.length, world.asks.length], [1, 1]);
  world.clock.advance(1_000);
  await world.obtain();
  assert.equal(world.asks.length, 2);
  world.clock.advance(-86_400_000);
  await world.obtain();
  assert.equal(world.asks.length, 3);
});

test("a manager that cannot be asked makes a name unavailable for a second", async () => {
  const world = new World();
  world.answer = () => Promise.reject(new Error("the manager is gone"));
  assert.equal((await world.obtain()).kind, "unavailable");
  assert.equal((await world.obtain()).kind, "unavailable");
  assert.equal(world.asks.length, 1);
  world.clock.advance(1_000);
  world.stored.set(a, first);
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("an announcement ends what was believed of a name", async () => {
  const world = new World();
  await world.obtain();
  world.stored.set(a, first);
  assert.equal(await world.credentials.announced(news(1)), undefined);
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("no more than fifty wait for one name, and the next is told at once", async () => {
  const world = new World();
  const answer = Promise.withResolvers<CertificateOutcome>();
  world.answer = () => answer.promise;
  const waiting = Array.from({ length: 50 }, () => world.obtain());
  await settled();
  assert.equal((await world.obtain()).kind, "unavailable");
  answer.resolve({ kind: "held", credential: heldOf(first) });
  for (const visitor of waiting) assert.equal(await serialOf(visitor), first.serial);
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("no more than a hundred wait in all, and those who left make room", async () => {
  const world = new World();
  world.answer = () => new Promise(() => undefined);
  const leave = new AbortController();
  const names = Array.from({ length: 100 }, (_, index) => hostname(`n${index}.example`));
  const waiting = names.map((name) => world.obtain(name, leave.signal));
  await settled();
  assert.equal(world.asks.length, 100);
  assert.equal((await world.obtain()).kind, "unavailable");
  assert.equal(world.asks.length, 100);
  leave.abort();
  for (const visitor of waiting) assert.equal((await visitor).kind, "unavailable");
  assert.ok(world.asks.every(({ signal }) => signal.aborted));
  world.clock.advance(1_000);
  void world.obtain();
  await settled();
  assert.equal(world.asks.length, 101);
});

test("a visitor that leaves does not disturb the others of its name", async () => {
  const world = new World();
  const answer = Promise.withResolvers<CertificateOutcome>();
  world.answer = () => answer.promise;
  const leave = new AbortController();
  const leaving = world.obtain(a, leave.signal);
  const staying = world.obtain();
  await settled();
  leave.abort();
  assert.equal((await leaving).kind, "unavailable");
  assert.equal(world.asks[0]?.signal.aborted, false);
  answer.resolve({ kind: "held", credential: heldOf(first) });
  assert.equal(await serialOf(staying), first.serial);
});

test("an announced certificate is served from then on", async () => {
  const world = new World();
  world.stored.set(a, first);
  await world.obtain();
  world.stored.set(a, second);
  assert.equal(await world.credentials.announced(news(1)), second.serial);
  assert.equal(await serialOf(world.obtain()), second.serial);
});

test("an announced certificate that is not there leaves the one before", async () => {
  const world = new World();
  world.stored.set(a, first);
  await world.obtain();
  world.stored.delete(a);
  assert.equal(await world.credentials.announced(news(1)), first.serial);
});

test("an announcement of a name that is not held reads nothing", async () => {
  const world = new World();
  world.stored.set(a, first);
  assert.equal(await world.credentials.announced(news(1)), undefined);
  assert.equal(world.loads.length, 0);
});

test("a read that began before an announcement does not bring the older certificate back", async () => {
  const world = new World();
  world.stored.set(a, first);
  const slow = Promise.withResolvers<void>();
  world.slowRead = slow.promise;
  const visitor = world.obtain();
  await settled();
  world.stored.set(a, second);
  const announced = world.credentials.announced(news(1));
  slow.resolve();
  assert.equal(await announced, second.serial);
  assert.equal(await serialOf(visitor), second.serial);
  assert.equal(await serialOf(world.obtain()), second.serial);
});

test("a held certificate is newer than storage until storage has a newer one", async () => {
  const world = new World();
  world.stored.set(a, first);
  await world.obtain();
  const slow = Promise.withResolvers<void>();
  world.slowRead = slow.promise;
  const overtaken = world.credentials.announced(news(1));
  assert.equal(await world.credentials.announced(news(2, second)), second.serial);
  slow.resolve();
  await overtaken;
  assert.equal(await serialOf(world.obtain()), second.serial);
  const third = makeCredential(a);
  world.stored.set(a, third);
  assert.equal(await world.credentials.announced(news(3)), third.serial);
  assert.equal(await serialOf(world.obtain()), third.serial);
});

/** What a worker hears of one name in the order of the manager; of `third` that storage has it. */
const told: readonly IssuanceNews[] = [news(1, first), news(2, second), news(3)];

for (const order of [
  [2, 1, 3],
  [1, 3, 2],
  [2, 3, 1],
  [3, 1, 2],
  [3, 2, 1],
]) {
  test(`D11: news that come in the order ${order} bring no older certificate back than the newest that came`, async () => {
    const world = new World();
    const third = makeCredential(a);
    const serials = [first.serial, second.serial, third.serial];
    let newest = 0;
    for (const issuance of order) {
      newest = Math.max(newest, issuance);
      if (issuance === 3) world.stored.set(a, third);
      await world.credentials.announced(told[issuance - 1] ?? assert.fail());
      assert.equal(await serialOf(world.obtain()), serials[newest - 1]);
    }
    assert.equal(world.asks.length, 0);
  });
}

test("D11: an answer of before an announcement that overtook it brings nothing back", async () => {
  const world = new World();
  const answer = Promise.withResolvers<CertificateOutcome>();
  world.answer = () => answer.promise;
  const visitor = world.obtain();
  await settled();
  answer.resolve({ kind: "held", credential: heldOf(first) });
  // In one read of the pipe: the announcement is obeyed before whoever asked goes on.
  world.stored.set(a, second);
  assert.equal(await world.credentials.announced(news(2)), undefined);
  assert.equal(await serialOf(visitor), second.serial);
  assert.equal(await serialOf(world.obtain()), second.serial);
});

test("a held certificate that cannot be used is refused, and the one before stays", async () => {
  const world = new World();
  world.stored.set(a, first);
  await world.obtain();
  const broken = { ...second, key: first.key };
  await assert.rejects(world.credentials.announced(news(2, broken)), {
    code: "CERTIFICATE_INVALID",
  });
  assert.equal(await serialOf(world.obtain()), first.serial);
});

test("a certificate given by hand serves every name of its entry, read once", async () => {
  const world = new World();
  const route = makeHost("*.example", undefined, { kind: "manual", chain: "c", key: "k" });
  let reads = 0;
  world.loadManual = async () => {
    reads += 1;
    return first;
  };
  for (const name of ["a.example", "b.example", "a.example"]) {
    const obtained = await world.credentials.obtain(hostname(name), route, stays);
    assert.deepEqual(obtained, { kind: "credential", credential: first });
  }
  assert.equal(reads, 1);
  assert.deepEqual([world.loads.length, world.asks.length], [0, 0]);
});

test("files given by hand are read ahead, once for all that share them, and serve when they are spoilt later", async () => {
  const world = new World();
  const given = (name: string, chain: string) =>
    makeHost(name, undefined, { kind: "manual", chain, key: "k" });
  const [one, twin, broken] = [
    given("a.example", "c"),
    given("b.example", "c"),
    given("x.example", "d"),
  ];
  const reads: string[] = [];
  world.loadManual = async ({ certificate }) => {
    assert.ok(certificate.kind === "manual");
    reads.push(certificate.chain);
    if (certificate.chain === "d") throw new Error("noise");
    return first;
  };
  await world.credentials.readAhead([one, twin, broken, entry], stays);
  assert.deepEqual(reads, ["c", "d"]);
  world.loadManual = async () => {
    throw new Error("spoilt");
  };
  const obtain = async (name: string, route: typeof one) =>
    (await world.credentials.obtain(hostname(name), route, stays)).kind;
  assert.equal(await obtain("a.example", one), "credential");
  assert.equal(await obtain("b.example", twin), "credential");
  assert.equal(await obtain("x.example", broken), "unavailable");
});

test("a certificate given by hand that cannot be read is unavailable, and read again later", async () => {
  const world = new World();
  const route = makeHost("a.example", undefined, { kind: "manual", chain: "c", key: "k" });
  const obtain = () => world.credentials.obtain(a, route, stays);
  assert.equal((await obtain()).kind, "unavailable");
  world.loadManual = async () => first;
  assert.equal((await obtain()).kind, "unavailable");
  world.clock.advance(1_000);
  assert.equal((await obtain()).kind, "credential");
});

const foreign = makeCredential(hostname("foreign.example"));
const spoilt: readonly (readonly [
  what: string,
  load: () => Promise<Credential>,
  answer: World["answer"],
  served: string,
])[] = [
  [
    "that cannot be used is what the manager says it was",
    () => Promise.reject(new Error("noise")),
    async () => ({ kind: "held", credential: heldOf(first, 0) }),
    first.serial,
  ],
  [
    "for another host is what the manager says it was",
    async () => foreign,
    async () => ({ kind: "held", credential: heldOf(first, 0) }),
    first.serial,
  ],
  [
    "for another host is served as it is when the manager knows nothing better",
    async () => foreign,
    async () => ({ kind: "unavailable" }),
    foreign.serial,
  ],
  [
    "for another host is served as it is when nobody can be asked",
    async () => foreign,
    () => Promise.reject(new Error("the manager is gone")),
    foreign.serial,
  ],
];

for (const [what, load, answer, served] of spoilt) {
  test(`a certificate given by hand ${what}, asked once`, async () => {
    const world = new World();
    const route = makeHost("a.example", undefined, { kind: "manual", chain: "c", key: "k" });
    Object.assign(world, { loadManual: load, answer });
    await world.credentials.readAhead([route], stays);
    for (let each = 0; each < 2; each += 1)
      assert.equal(await serialOf(world.obtain(a, stays, undefined, route)), served);
    assert.equal(world.asks.length, 1);
  });
}

test("files for another host that are put right are served after a second, without anybody's doing", async () => {
  const world = new World();
  const route = makeHost("a.example", undefined, { kind: "manual", chain: "c", key: "k" });
  const serial = () => serialOf(world.obtain(a, stays, undefined, route));
  // The manager knows them as they were at the start.
  world.answer = async () => ({ kind: "held", credential: heldOf(foreign, 0) });
  world.loadManual = async () => foreign;
  await world.credentials.readAhead([route], stays);
  assert.equal(await serial(), foreign.serial);
  world.loadManual = async () => first;
  assert.equal(await serial(), foreign.serial);
  world.clock.advance(limits.absentNameMs);
  assert.equal(await serial(), first.serial);
  world.loadManual = async () => foreign;
  world.clock.advance(limits.absentNameMs);
  assert.equal(await serial(), first.serial, "until a reload");
});

test("an expired certificate gives way to the one that is being made", async () => {
  const world = new World();
  world.stored.set(a, makeExpired(world));
  world.answer = async () => ({ kind: "held", credential: heldOf(first) });
  assert.equal(await serialOf(world.obtain()), first.serial);
  assert.equal(await serialOf(world.obtain()), first.serial);
  assert.equal(world.asks.length, 1);
});

const noRenewal: readonly [why: string, answer: () => Promise<CertificateOutcome>][] = [
  ["cannot be had", async () => ({ kind: "unavailable" })],
  ["is refused", async () => ({ kind: "refused" })],
  ["is the expired one again", async () => ({ kind: "stored" })],
  ["cannot be asked for", () => Promise.reject(new Error("the manager is gone"))],
];

for (const [why, answer] of noRenewal) {
  test(`K1: an expired certificate is served when another one ${why}`, async () => {
    const world = new World();
    const expired = makeExpired(world);
    world.stored.set(a, expired);
    world.answer = answer;
    for (let each = 0; each < 100; each += 1) {
      assert.equal(await serialOf(world.obtain()), expired.serial);
    }
    assert.equal(world.asks.length, 1);
    world.clock.advance(1_000);
    await world.obtain();
    assert.equal(world.asks.length, 2);
  });
}

test("K2: a certificate that is not valid before next year, by a clock that was set back, is served and not asked for", async () => {
  const world = new World();
  const { chain, key } = makeCertificate({
    names: [a],
    notBefore: world.clock.now() + 365 * 86_400_000,
    notAfter: world.clock.now() + 455 * 86_400_000,
  });
  const early = readCredential(chain, key);
  world.stored.set(a, early);
  assert.equal(await serialOf(world.obtain()), early.serial);
  assert.equal(world.asks.length, 0);
});

/** A certificate of yesterday, by the clock of that world. */
function makeExpired({ clock }: World): Credential {
  const notAfter = clock.now() - 86_400_000;
  const { chain, key } = makeCertificate({
    names: [a],
    notAfter,
    notBefore: notAfter - 86_400_000,
  });
  return readCredential(chain, key);
}

/** Resolves when everything that waits for nothing but promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a client over its budget is refused alone: who waits beside it asks again, and nobody is remembered", async () => {
  const world = new World();
  const first = Promise.withResolvers<CertificateOutcome>();
  world.answer = (_host, client) =>
    client === "192.0.2.1" ? first.promise : Promise.resolve({ kind: "refused" });
  const spender = () => world.obtain(a, stays, "192.0.2.1");
  const spending = [spender(), spender()];
  const others = [1, 2, 3].map(() => world.obtain(a, stays, "192.0.2.2"));
  await nextTurn(); // all of them wait now
  assert.equal(world.asks.length, 1);
  first.resolve({ kind: "spent" });
  const spent = { kind: "spent", client: "192.0.2.1" };
  assert.deepEqual(await Promise.all(spending), [spent, spent]);
  for (const outcome of await Promise.all(others)) assert.deepEqual(outcome, { kind: "refused" });
  assert.equal(world.asks.length, 2);
});

test("that a client is over its budget is not remembered of the name", async () => {
  const world = new World();
  world.answer = async () => ({ kind: "spent" });
  await world.obtain(a, stays, "192.0.2.1");
  await world.obtain(a, stays, "192.0.2.2");
  assert.equal(world.asks.length, 2);
});

test("T32: names that strangers make up take no place from the hosts of the configuration", async () => {
  const world = new World();
  world.answer = () => new Promise(() => {});
  const leave = new AbortController();
  const made = Array.from({ length: 100 }, (_, index) =>
    world.obtain(hostname(`n${index}.example`), leave.signal),
  );
  assert.equal((await world.obtain(hostname("more.example"))).kind, "unavailable");
  world.answer = async () => ({ kind: "refused" });
  const listed = hostname("listed.example");
  const route = makeHost("listed.example");
  assert.deepEqual(await world.obtain(listed, stays, undefined, route), { kind: "refused" });
  leave.abort();
  await Promise.allSettled(made);
});
