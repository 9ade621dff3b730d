import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCertificateName } from "../../src/base/certificate-name.ts";
import { AttemptMemory } from "../../src/certificate/attempts.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { judge } from "../../src/certificate/judge.ts";
import { Preflight } from "../../src/certificate/preflight.ts";
import { recallFailures } from "../../src/certificate/records.ts";
import type { Finding } from "../../src/certificate/self-check.ts";
import type { DnsEntry } from "../../src/config/dns-entry.ts";
import { changeLimits } from "../../src/config/limits.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { saidOf, zoneAt } from "../support/dns-zone.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type NameServer, type Said, startNameServer } from "../support/name-server.ts";
import { keptLog, openStorage } from "../support/stored.ts";
import { turns } from "../support/ticks.ts";

const ACME = "urn:ietf:params:acme:error:";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What the world around a failed name looks like; each round may find another one. */
interface World {
  readonly address?: Said;
  readonly caa?: Said;
  readonly finding?: Finding["kind"];
  readonly isFull?: boolean;
  /** What name servers say besides; silence where nothing is said. */
  readonly dns?: Readonly<Record<string, Said | undefined>>;
  readonly entries?: readonly DnsEntry[];
}

const THERE: Said = { answers: [{ type: "A", name: "x", data: "192.0.2.1" }] };
const caa = (value: string): Said => ({
  answers: [{ type: "CAA", name: "x", data: { flags: 0, tag: "issue", value } }],
});
const ASKED = "_acme-challenge.shop.example";
const ENTRY: DnsEntry = {
  zones: [],
  authoritative: [],
  provider: { kind: "exec", command: ["/bin/true"], environment: {}, timeoutMs: 1_000 },
};
const ELSEWHERE: DnsEntry = { ...ENTRY, zones: ["acme.example"] };
const account = { username: "u", password: "p", subdomain: "d420" };
const ACME_DNS: DnsEntry = {
  ...ENTRY,
  provider: {
    kind: "acme-dns",
    server: "https://dns.acme.example",
    accounts: { "shop.example": account },
  },
};
const ZONE = zoneAt("shop.example", "127.0.0.1");
const ACME_ZONE = zoneAt("acme.example", "127.0.0.1");
const NONE: Said = { rcode: "NXDOMAIN" };

function preflightOf(
  server: NameServer,
  now: () => World,
  resolver?: Pick<Resolver, "addresses" | "caa">,
) {
  const clock = new ManualClock();
  const holdings = new Holdings();
  const log = keptLog();
  const resolvers = { servers: [server.address], timeoutMs: 5_000, tries: 1 };
  let moved = 0;
  let armed = 0;
  let everArmed = 0;
  const preflight = new Preflight({
    holdings,
    clock,
    log,
    ...{ resolver: resolver ?? new Resolver(resolvers), resolvers },
    dnsEntriesFor: () => now().entries ?? [],
    random: () => 0.5,
    arm: async () => {
      armed += 1;
      everArmed += 1;
      return () => {
        armed -= 1;
      };
    },
    look: async () => {
      const { finding = "unknown" } = now();
      return finding === "wrong"
        ? { kind: finding, code: "CHALLENGE_UNANSWERED", why: "x" }
        : finding === "answered"
          ? { kind: finding, astray: [] }
          : { kind: finding };
    },
    directoryFor: () => "https://ca.example/directory",
    caaIdentitiesFor: () => ["ca.example"],
    probe: async () => {
      if (now().isFull === true) throw new Error("full");
    },
    moved: () => {
      moved += 1;
    },
    remember: async () => {},
  });
  const fail = (type: string, host = "shop.example") => {
    const name = parseCertificateName(host) ?? assert.fail();
    const holding = holdings.hold(name, true) ?? assert.fail();
    holding.attempts = 4;
    holding.lastError = { type, detail: "", hint: "", at: new Date(clock.now()).toISOString() };
    holding.cause = { type, issuer: "https://ca.example/directory", caaIdentities: [] };
    holding.nextAttemptAt = clock.now() + 24 * HOUR;
    return holding;
  };
  return {
    preflight,
    clock,
    log,
    fail,
    moved: () => moved,
    armed: () => armed,
    everArmed: () => everArmed,
  };
}

/** A name server that says what the world is like now. */
function serverOf(now: () => World): Promise<NameServer> {
  return startNameServer((type, name) => {
    const { dns } = now();
    if (dns !== undefined) return dns[`${type} ${name}`] ?? { answers: [] };
    if (type === "A") return now().address ?? NONE;
    return type === "CAA" ? (now().caa ?? { answers: [] }) : { answers: [] };
  });
}

const causes: readonly {
  readonly type: string;
  readonly broken: World;
  readonly repaired: World;
  /** Of a wildcard, whose proofs stand in DNS. */
  readonly isWildcard?: boolean;
  readonly by?: string;
}[] = [
  { type: `${ACME}dns`, broken: {}, repaired: { address: THERE } },
  { type: "NAME_NOT_FOUND", broken: {}, repaired: { address: THERE } },
  {
    type: `${ACME}caa`,
    broken: { caa: caa("other.example") },
    repaired: { caa: caa("ca.example") },
  },
  { type: `${ACME}connection`, broken: { finding: "wrong" }, repaired: { finding: "answered" } },
  { type: `${ACME}unauthorized`, broken: { finding: "wrong" }, repaired: { finding: "answered" } },
  { type: "CHALLENGE_UNANSWERED", broken: { finding: "wrong" }, repaired: { finding: "answered" } },
  { type: "STORAGE_FAILED", broken: { isFull: true }, repaired: {} },
  {
    ...{ type: `${ACME}dns`, by: ", name servers that fail" },
    ...{ broken: { address: { rcode: "SERVFAIL" } }, repaired: { address: THERE } },
  },
  {
    ...{ type: `${ACME}caa`, by: ", name servers that fail" },
    ...{ broken: { caa: { rcode: "SERVFAIL" } }, repaired: { caa: caa("ca.example") } },
  },
  ...[`${ACME}dns`, `${ACME}unauthorized`, "DNS_FAILED"].map((type) => ({
    ...{ type, isWildcard: true },
    broken: {
      entries: [ENTRY],
      dns: { ...ZONE, [`CNAME ${ASKED}`]: { rcode: "SERVFAIL" } as const },
    },
    repaired: { entries: [ENTRY], dns: ZONE },
  })),
  {
    ...{ type: "DNS_FAILED", isWildcard: true, by: ", an alias in circles" },
    broken: {
      entries: [ENTRY],
      dns: { ...ZONE, [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, ASKED) },
    },
    repaired: {
      entries: [ENTRY],
      dns: { ...ACME_ZONE, [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, "x.acme.example") },
    },
  },
  {
    ...{ type: "DNS_FAILED", isWildcard: true, by: ", a missing alias into the zone of an entry" },
    broken: { entries: [ELSEWHERE], dns: ZONE },
    repaired: {
      entries: [ELSEWHERE],
      dns: { ...ACME_ZONE, [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, "x.acme.example") },
    },
  },
  {
    ...{ type: "DNS_FAILED", isWildcard: true, by: ", a missing alias to its acme-dns account" },
    broken: { entries: [ACME_DNS], dns: ZONE },
    repaired: {
      entries: [ACME_DNS],
      dns: { ...ACME_ZONE, [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, "d420.acme.example") },
    },
  },
  {
    ...{ type: `${ACME}dns`, isWildcard: true, by: ", servers that refuse" },
    broken: { entries: [ENTRY], dns: { ...ZONE, [`TXT ${ASKED}`]: { rcode: "REFUSED" } as const } },
    repaired: { entries: [ENTRY], dns: ZONE },
  },
];

for (const { type, broken, repaired, isWildcard = false, by = "" } of causes) {
  const what = isWildcard ? "wildcard" : "name";
  test(`a ${what} that failed with ${type}${by} is tried within 11 minutes after that is repaired`, async () => {
    let world = broken;
    await using server = await serverOf(() => world);
    const { preflight, clock, log, fail, moved, armed } = preflightOf(server, () => world);
    changeLimits({ dnsPort: Number(server.address.split(":").at(-1)) });
    const failAgain = () => fail(type, isWildcard ? "*.shop.example" : "shop.example");
    const holding = failAgain();
    const round = async () => {
      clock.advance(10 * MINUTE);
      await preflight.lookAtAll(new AbortController().signal);
    };
    await round();
    assert.equal(moved(), 0);
    world = repaired;
    const repairedAt = clock.now();
    await round();
    assert.equal(moved(), 1);
    log.only("preflight.cleared");
    assert.ok((holding.nextAttemptAt ?? 0) - repairedAt <= 11 * MINUTE);
    assert.equal(armed(), 0);

    // The attempt failed again with the same: what we see does not bring the next one forward.
    if (type.startsWith(ACME)) {
      failAgain();
      await round();
      await round();
      assert.equal(moved(), 1);
    }
  });
}

const unmoved: readonly { readonly what: string; readonly type: string; readonly world: World }[] =
  [
    { what: "a CA that cannot be reached", type: "ACME_UNREACHABLE", world: { address: THERE } },
    {
      what: "a challenge that cannot be seen from behind NAT",
      type: `${ACME}connection`,
      world: {},
    },
    {
      what: "a challenge that looks well from here",
      type: `${ACME}connection`,
      world: { finding: "answered" },
    },
    {
      what: "a name that only the CA does not find",
      type: `${ACME}dns`,
      world: { address: THERE },
    },
    {
      what: "name servers that fail",
      type: `${ACME}dns`,
      world: { address: { rcode: "SERVFAIL" } },
    },
  ];

for (const { what, type, world } of unmoved) {
  test(`${what} moves no attempt`, async () => {
    await using server = await serverOf(() => world);
    const { preflight, fail, moved } = preflightOf(server, () => world);
    const { nextAttemptAt } = fail(type);
    for (let round = 0; round < 3; round += 1)
      await preflight.lookAtAll(new AbortController().signal);
    assert.equal(moved(), 0);
    assert.equal(fail(type).nextAttemptAt, nextAttemptAt);
  });
}

test("a name that waits for a budget, is being ordered or was only ever a stranger's idea is not looked at", async () => {
  await using server = await serverOf(() => ({}));
  const { preflight, fail } = preflightOf(server, () => ({}));
  const holding = fail("NAME_NOT_FOUND");
  const { lastError } = holding;
  for (const state of [{ waiting: lastError }, { isOrdering: true }, { listed: false }]) {
    Object.assign(holding, { waiting: undefined, isOrdering: false, listed: true }, state);
    await preflight.lookAtAll(new AbortController().signal);
  }
  assert.deepEqual(server.questions, []);
});

test("nothing is armed in the place of the challenge of an order that began while others were looked at", async () => {
  await using server = await serverOf(() => ({}));
  const { preflight, fail, everArmed } = preflightOf(server, () => ({}));
  const holding = fail(`${ACME}tls`);
  holding.failedChallenge = "tls-alpn-01";
  const looking = preflight.lookAtAll(new AbortController().signal);
  holding.isOrdering = true;
  await looking;
  assert.equal(everArmed(), 0);
});

test("S1: once storage is back the attempts of names that failed by it are due, and of no others", async () => {
  await using server = await startNameServer(() => NONE);
  const { preflight, clock, fail, log } = preflightOf(server, () => ({}));
  const holding = fail("STORAGE_FAILED");
  preflight.storageIsBack();
  assert.equal(holding.nextAttemptAt, clock.now());
  assert.equal(log.only("preflight.cleared")["type"], "STORAGE_FAILED");
  const other = fail("CERTIFICATE_INVALID");
  preflight.storageIsBack();
  assert.equal(other.nextAttemptAt, clock.now() + 24 * HOUR);
});

for (const [what, type, directory, agoMs, isDue] of [
  [
    "the CA's own trouble, at this CA",
    `${ACME}serverInternal`,
    "https://ca.example/directory",
    HOUR,
    true,
  ],
  [
    "the CA's own trouble, just now",
    `${ACME}serverInternal`,
    "https://ca.example/directory",
    0,
    false,
  ],
  [
    "the CA's own trouble, at another CA",
    `${ACME}serverInternal`,
    "https://other.example/",
    HOUR,
    false,
  ],
  ["what only a person mends", `${ACME}caa`, "https://ca.example/directory", HOUR, false],
] as const) {
  test(`C2: when a CA has issued for another name, what failed by ${what} is ${isDue ? "" : "not "}due`, async () => {
    await using server = await startNameServer(() => NONE);
    const { preflight, clock, fail } = preflightOf(server, () => ({}));
    const holding = fail(type);
    const { nextAttemptAt } = holding;
    clock.jump(agoMs);
    preflight.caWorks(directory);
    assert.equal(holding.nextAttemptAt, isDue ? clock.now() : nextAttemptAt);
  });
}

const CA = "https://ca.example/directory";

test("C3: a CA that named a time is not asked before it, however many other names it issues for", async () => {
  await using server = await startNameServer(() => NONE);
  const { preflight, clock, fail } = preflightOf(server, () => ({}));
  const holding = fail(`${ACME}serverInternal`);
  const until = clock.now() + 3 * HOUR;
  holding.turn = { issuer: CA, failures: 1, waits: { [CA]: until } };
  const { nextAttemptAt } = holding;
  clock.jump(3 * HOUR - 1);
  preflight.caWorks(CA);
  assert.equal(holding.nextAttemptAt, nextAttemptAt);
  clock.jump(1);
  preflight.caWorks(CA);
  assert.equal(holding.nextAttemptAt, until);
});

test("C2: a name that its CA always fails at costs one attempt a day more than its ladder, while others are issued", async () => {
  await using server = await startNameServer(() => NONE);
  const { preflight, clock, fail, moved } = preflightOf(server, () => ({}));
  const holding = fail(`${ACME}serverInternal`);
  for (let minutes = 0; minutes < 3 * 24 * 60; minutes += 10) {
    clock.jump(10 * MINUTE);
    const before = moved();
    preflight.caWorks(CA);
    const isByLadder = (holding.nextAttemptAt ?? 0) <= clock.now();
    if (isByLadder || moved() > before) fail(`${ACME}serverInternal`);
  }
  assert.equal(moved(), 3);
});

test("C2: a name that was hurried is hurried no more on that day by a program that starts anew", async () => {
  await using server = await startNameServer(() => NONE);
  await using opened = await openStorage();
  const store = opened.storage.attempts;
  const before = preflightOf(server, () => ({}));
  const hurried = before.fail(`${ACME}serverInternal`);
  before.clock.jump(10 * MINUTE);
  before.preflight.caWorks(CA);
  assert.equal(before.moved(), 1);
  const memory = new AttemptMemory({
    ...{ store, judge, clock: before.clock, log: before.log, random: () => 0.5 },
    directoryOf: () => CA,
    caaIdentitiesOf: () => [],
    configurationOf: () => "same",
    hasOrder: async () => false,
  });
  await memory.begin(hurried, [{ kind: "internal" }]); // and its CA fails again, or the program ends

  const after = preflightOf(server, () => ({}));
  const recalled = after.fail(`${ACME}serverInternal`);
  const known = await store.load(recalled.host);
  const restart = () => {
    const { lastError } = after.fail(`${ACME}serverInternal`);
    recallFailures(recalled, known ?? assert.fail());
    Object.assign(recalled, { lastError, nextAttemptAt: after.clock.now() + 2 * DAY });
    after.clock.jump(10 * MINUTE);
    after.preflight.caWorks(CA);
  };
  restart();
  assert.equal(after.moved(), 0);
  after.clock.jump(DAY);
  restart();
  assert.equal(after.moved(), 1);
});

test("beside 300 names that nobody answers for, a repaired one has its attempt within 11 minutes, each time", async () => {
  await using server = await startNameServer(() => NONE);
  let isThere = false;
  const { preflight, clock, fail, moved } = preflightOf(server, () => ({}), {
    caa: async () => ({ kind: "absent", why: "NODATA" }),
    addresses: async (name, signal) => {
      if (name !== "shop.example") return await unanswered(signal);
      return isThere
        ? { kind: "found", records: ["192.0.2.1"] }
        : { kind: "absent", why: "NXDOMAIN" };
    },
  });
  for (let index = 0; index < 300; index += 1) fail(`${ACME}dns`, `silent-${index}.example`);
  const holding = fail(`${ACME}dns`); // the last one of each round
  const stopping = new AbortController();
  const running = preflight.run(stopping.signal);
  const secondsUntil = async (isSo: () => boolean) => {
    for (let seconds = 0; seconds <= HOUR / 1_000; seconds += 1) {
      if (isSo()) return seconds;
      clock.advance(1_000);
      await turns(1);
    }
    return assert.fail("not within an hour");
  };
  for (let repair = 0; repair < 3; repair += 1) {
    await secondsUntil(() => holding.cause?.seenAt !== undefined);
    isThere = true;
    const seconds = await secondsUntil(() => moved() > repair);
    assert.ok(seconds <= 11 * 60, `${seconds} s`);
    isThere = false;
    fail(`${ACME}dns`);
  }
  stopping.abort();
  await running;
});

/** As silent servers are: until the caller has had enough. */
function unanswered(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
