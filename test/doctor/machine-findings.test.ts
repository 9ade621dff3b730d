import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { parseHostname } from "../../src/base/hostname.ts";
import { caLimitsOf } from "../../src/certificate/ca-limits.ts";
import { subjectsOf } from "../../src/certificate/planned-order.ts";
import { namedIssuer } from "../../src/config/issuers.ts";
import { findingsOfBudgets } from "../../src/doctor/budget-findings.ts";
import { type CaQuestion, findingOfClock, findingsOfCa } from "../../src/doctor/ca-findings.ts";
import { findingsOfCaa } from "../../src/doctor/caa-findings.ts";
import { findingsOfListeners } from "../../src/doctor/listener-findings.ts";
import type { CaSight } from "../../src/doctor/look-ca.ts";
import { findingsOfRecord } from "../../src/doctor/record-findings.ts";
import { findingsOfStorage } from "../../src/doctor/storage-findings.ts";
import type { StoredBudget } from "../../src/storage/budgets.ts";
import type { FolderSight } from "../../src/storage/look.ts";
import { grave } from "../support/findings.ts";

const clocks: readonly [aheadMs: readonly number[], finding: readonly string[]][] = [
  [[], []],
  [[900], []],
  [[-59_000], []],
  [[61_000], ["advice clock.off"]],
  [[-299_000], ["advice clock.off"]],
  [[-301_000], ["problem clock.wrong"]],
  [[7_776_000_000], ["problem clock.wrong"]],
  [[86_400_000, 200], []],
];

for (const [aheadMs, finding] of clocks) {
  test(`a clock that is ahead by ${aheadMs.join(" and ") || "nobody knows what"} ms gives ${finding.join() || "nothing to do"}`, () => {
    assert.deepEqual(
      grave([findingOfClock(aheadMs, { adviceMs: 60_000, problemMs: 300_000 })]),
      finding,
    );
  });
}

const DIRECTORY = {
  newNonceUrl: "https://ca.example/nonce",
  newAccountUrl: "https://ca.example/account",
  newOrderUrl: "https://ca.example/order",
  revokeCertUrl: undefined,
  keyChangeUrl: undefined,
  renewalInfoUrl: undefined,
  termsOfService: undefined,
  website: undefined,
  caaIdentities: [],
  externalAccountRequired: false,
  profiles: { classic: "90 days" } as Readonly<Record<string, string>>,
};
const reached = (more: Partial<typeof DIRECTORY> = {}): CaSight => ({
  kind: "reached",
  directory: { ...DIRECTORY, ...more },
  tookMs: 10,
  clockAheadMs: 0,
});
const CA: CaQuestion = {
  name: "ca",
  hasBinding: false,
  profile: undefined,
  account: undefined,
  isSpared: false,
};
const unreachable: CaSight = {
  kind: "failed",
  type: "ACME_UNREACHABLE",
  detail: "Cannot reach ca",
};

const cas: readonly [
  what: string,
  sight: CaSight,
  more: Partial<CaQuestion>,
  findings: readonly string[],
][] = [
  ["that answers", reached(), {}, []],
  ["that does not", unreachable, {}, ["problem ca.unreachable"]],
  ["that does not, beside another", unreachable, { isSpared: true }, ["advice ca.unreachable"]],
  ["that wants a key", reached({ externalAccountRequired: true }), {}, ["problem ca.binding"]],
  ["that has a key", reached({ externalAccountRequired: true }), { hasBinding: true }, []],
  [
    "that has an account",
    reached({ externalAccountRequired: true }),
    { account: "https://ca.example/1" },
    [],
  ],
  ["with the profile", reached(), { profile: "classic" }, []],
  ["without the profile", reached(), { profile: "toString" }, ["problem ca.profile"]],
  [
    "that has no profiles, where one is written and not asked for",
    reached({ profiles: {} }),
    { profile: "shortlived" },
    ["advice ca.profile"],
  ],
];

for (const [what, sight, more, findings] of cas) {
  test(`a CA ${what} gives ${findings.join() || "nothing to do"}`, () => {
    assert.deepEqual(grave(findingsOfCa(sight, { ...CA, ...more })), findings);
  });
}

test("the profiles that a CA offers are told whole", () => {
  const profiles = { classic: "90 days", shortlived: "6 days" };
  const seen = findingsOfCa(reached({ profiles }), { ...CA, profile: "toString" });
  const { saw } = seen.find(({ code }) => code === "ca.profile") ?? assert.fail();
  assert.equal(saw, "ca does not offer the profile toString (it offers: classic, shortlived)");
});

const FOLDER: FolderSight = {
  kind: "there",
  uid: 1_000,
  mode: 0o700,
  freeBytes: 1e9,
  kept: "on disk",
  unwritable: undefined,
  holder: undefined,
  quarantined: 0,
};
const STOPPED = {
  isRunning: false,
  uid: 1_000,
  freeMinBytes: 131_072,
  freeAdviceBytes: 10_485_760,
};

const storages: readonly [
  what: string,
  folder: FolderSight,
  more: Partial<typeof STOPPED>,
  findings: readonly string[],
][] = [
  ["in order", FOLDER, {}, []],
  ["to be made", { kind: "missing", why: undefined }, {}, []],
  [
    "not to be made",
    { kind: "missing", why: "permission denied" },
    {},
    ["problem storage.missing"],
  ],
  ["that is a file", { kind: "unusable", why: "it is a file" }, {}, ["problem storage.unusable"]],
  ["of another user", { ...FOLDER, uid: 7 }, {}, ["problem storage.foreign"]],
  [
    "of the service's user, seen by root",
    { ...FOLDER, uid: 7 },
    { uid: 0 },
    ["advice storage.foreign"],
  ],
  ["of the running program's user", { ...FOLDER, uid: 7 }, { uid: 0, isRunning: true }, []],
  ["open to others", { ...FOLDER, mode: 0o755 }, {}, ["advice storage.loose"]],
  ["that is full", { ...FOLDER, freeBytes: 4_096 }, {}, ["problem storage.full"]],
  ["that fills up", { ...FOLDER, freeBytes: 1_000_000 }, {}, ["advice storage.filling"]],
  [
    "that is read-only",
    { ...FOLDER, unwritable: "the file system is read-only" },
    {},
    ["problem storage.unwritable"],
  ],
  ["in memory", { ...FOLDER, kept: "in memory" }, {}, ["advice storage.volatile"]],
  [
    "in a container's layer",
    { ...FOLDER, kept: "in a container" },
    {},
    ["advice storage.volatile"],
  ],
  ["on a network", { ...FOLDER, kept: "on the network" }, {}, ["advice storage.network"]],
  [
    "of another program",
    { ...FOLDER, holder: { pid: 7, host: "edge", isAlive: true } },
    {},
    ["problem storage.locked"],
  ],
  [
    "of the running program",
    { ...FOLDER, holder: { pid: 7, host: "edge", isAlive: true } },
    { isRunning: true },
    [],
  ],
  ["with a quarantine", { ...FOLDER, quarantined: 2 }, {}, ["advice storage.quarantine"]],
];

for (const [what, folder, more, findings] of storages) {
  test(`a storage ${what} gives ${findings.join() || "nothing to do"}`, () => {
    const seen = findingsOfStorage({ path: "/srv/storage", folder }, { ...STOPPED, ...more });
    assert.deepEqual(grave(seen), findings);
  });
}

const listeners: readonly [code: string | undefined, findings: readonly string[]][] = [
  [undefined, []],
  ["EADDRINUSE", ["problem listener.taken"]],
  ["EACCES", ["problem listener.forbidden"]],
  ["EADDRNOTAVAIL", ["problem listener.no-address"]],
  ["EMFILE", ["problem listener.failed"]],
];

for (const [code, findings] of listeners) {
  test(`a port that gives ${code ?? "no error"} gives ${findings.join() || "nothing to do"}`, () => {
    const sight = { what: "http", address: ":80", code } as const;
    assert.deepEqual(grave(findingsOfListeners([sight])), findings);
  });
}

const NOW = Date.parse("2026-11-25T10:00:00Z");
const RECORD: CertificateRecord = {
  host: "shop.example",
  state: "valid",
  issuer: "https://ca.example/directory",
  serial: "01",
  notBefore: "2026-11-01T00:00:00Z",
  notAfter: "2027-01-01T00:00:00Z",
  renewAt: null,
  renewalInfo: null,
  attempts: 0,
  nextAttemptAt: null,
  lastError: null,
  servedSerial: "01",
};
const lastError = {
  type: "urn:ietf:params:acme:error:dns",
  detail: "DNS problem: \u001b[2JNXDOMAIN looking up A for shop.example",
  hint: "Give the name an address",
  at: "2026-11-25T10:00:00Z",
};

const rows: readonly [
  what: string,
  record: Partial<CertificateRecord>,
  findings: readonly string[],
][] = [
  ["is well", {}, []],
  [
    "was not renewed in time",
    { notAfter: "2026-11-25T09:59:59Z" },
    ["problem certificate.expired"],
  ],
  ["is just renewed, too late", { state: "renewing", notAfter: "2026-11-25T09:59:59Z" }, []],
  ["waits", { state: "waiting", notAfter: null }, []],
  ["is refused", { state: "refused", notAfter: null }, ["problem certificate.refused"]],
  [
    "fails",
    { state: "failed", lastError, attempts: 3, nextAttemptAt: "2026-11-25T11:40:00Z" },
    ["problem certificate.last-error"],
  ],
  [
    "fails to renew",
    { state: "failing", lastError, attempts: 1 },
    ["problem certificate.last-error"],
  ],
  [
    "is ordered again",
    { state: "issuing", lastError, attempts: 1 },
    ["advice certificate.last-error"],
  ],
];

for (const [what, record, findings] of rows) {
  test(`a host that ${what} gives ${findings.join() || "nothing to do"}`, () => {
    assert.deepEqual(grave(findingsOfRecord({ ...RECORD, ...record }, NOW)), findings);
  });
}

test("the last error is shown as the CA worded it, with the next attempt, in one line", () => {
  const nextAttemptAt = "2026-11-25T11:40:00Z";
  const record = { ...RECORD, state: "failed", lastError, attempts: 3, nextAttemptAt } as const;
  const [finding] = findingsOfRecord(record, NOW);
  const { saw = "", remedy = "" } = finding ?? {};
  assert.match(
    saw,
    /attempt 3 .*error:dns: DNS problem: .*NXDOMAIN .*next attempt at 2026-11-25T11:40:00Z$/,
  );
  assert.doesNotMatch(saw, /\p{Cc}/u);
  assert.equal(remedy, "Give the name an address. Then: latchkey retry shop.example");
});

const letsencrypt = namedIssuer("letsencrypt");
assert.ok(letsencrypt.kind === "acme");
const directory: string = letsencrypt.directory;
const name = parseHostname("www.shop.example")!;
const stored = (
  kind: StoredBudget["kind"],
  subject: string,
  more: Partial<Pick<StoredBudget, "fullAt" | "closedUntil">>,
): StoredBudget => ({
  ...{ directory, kind, subject, fullAt: undefined, closedUntil: undefined },
  ...more,
});
const HOUR = 3_600_000;

const budgets: readonly [
  what: string,
  stored: readonly StoredBudget[],
  isSpared: boolean,
  findings: readonly string[],
  saw: RegExp,
][] = [
  [
    "nothing spent",
    [],
    false,
    [],
    /300 of 300 new orders, 50 of 50 .* under shop\.example, 5 of 5 certificates for www/,
  ],
  [
    "one failure",
    [stored("failures", name, { fullAt: NOW + 720_000 })],
    false,
    [],
    /4 of 5 failed/,
  ],
  [
    "all failures spent",
    [stored("failures", name, { fullAt: NOW + HOUR })],
    false,
    ["problem budget.spent"],
    /until 2026-11-25T10:12:00/,
  ],
  [
    "the week's certificates spent",
    [stored("names", name, { fullAt: NOW + 168 * HOUR })],
    true,
    ["advice budget.spent"],
    /certificates for www/,
  ],
  [
    "another name's spent",
    [stored("names", "other.example", { fullAt: NOW + 168 * HOUR })],
    false,
    [],
    /5 of 5/,
  ],
  [
    "the CA asked to wait",
    [stored("orders", "", { closedUntil: NOW + HOUR })],
    false,
    ["advice budget.closed"],
    /before 2026-11-25T11:00/,
  ],
  [
    "it asked to wait until a while ago",
    [stored("orders", "", { closedUntil: NOW - HOUR })],
    false,
    [],
    /300 of 300/,
  ],
];

for (const [what, spent, isSpared, findings, saw] of budgets) {
  test(`budgets with ${what} give ${findings.join() || "nothing to do"}`, () => {
    const seen = findingsOfBudgets(spent, {
      issuer: "letsencrypt",
      rates: caLimitsOf(directory, "").rates,
      subjects: subjectsOf({ directory, name, purpose: "new" }),
      isSpared,
      now: NOW,
    });
    assert.deepEqual(grave(seen), findings);
    assert.match(seen.map((each) => each.saw).join("; "), saw);
  });
}

test("a private CA has no budgets to tell of", () => {
  const own = "https://ca.internal/directory";
  const seen = findingsOfBudgets([], {
    issuer: own,
    rates: caLimitsOf(own, "").rates,
    subjects: subjectsOf({ directory: own, name, purpose: "new" }),
    isSpared: false,
    now: NOW,
  });
  assert.deepEqual(seen, []);
});

test("a CAA record for another account is shown whole, to the end of its accounturi", () => {
  const account = `https://ca.example/acme/account/${"0123456789".repeat(8)}`;
  const value = `one.example; validationmethods=http-01; accounturi=${account}`;
  const record = { isCritical: false, tag: "issue", value };
  const set = { kind: "found", at: "shop.example", records: [record] } as const;
  const candidate = { isWildcard: false, account: "https://ca.example/2", methods: ["http-01"] };
  const one = { ...candidate, issuer: "one", identities: ["one.example"] };
  const [finding] = findingsOfCaa("shop.example", set, [one]);
  assert.equal(finding?.saw, `the CAA records of shop.example forbid one: issue "${value}"`);
});

test("a second issuer that CAA allows makes the first one's refusal bearable", () => {
  const record = { isCritical: false, tag: "issue", value: "two.example" };
  const set = { kind: "found", at: "shop.example", records: [record] } as const;
  const candidate = { isWildcard: false, account: undefined, methods: ["http-01"] };
  const one = { ...candidate, issuer: "one", identities: ["one.example"] };
  const two = { ...candidate, issuer: "two", identities: ["two.example"] };
  const gravely = (...candidates: readonly (typeof one)[]) =>
    grave(findingsOfCaa("shop.example", set, candidates));
  assert.deepEqual(gravely(one, two), ["advice caa.forbids"]);
  assert.deepEqual(gravely(one), ["problem caa.forbids"]);
  const unknown = { kind: "failed", at: "shop.example", code: "ESERVFAIL" } as const;
  assert.deepEqual(grave(findingsOfCaa("shop.example", unknown, [one])), ["problem caa.unknown"]);
});
