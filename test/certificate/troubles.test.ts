import assert from "node:assert/strict";
import { test } from "node:test";
import type { LastError } from "../../src/base/certificate-record.ts";
import { keyOf } from "../../src/base/trouble.ts";
import type { Given } from "../../src/certificate/manual.ts";
import { type HeldCertificate, type Holding, newHolding } from "../../src/certificate/records.ts";
import { type Judging, troublesOf, troublesOfGiven } from "../../src/certificate/troubles.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { named } from "../support/stored.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 6);
const FIRST = "https://first.example/directory";
const SECOND = "https://second.example/directory";

const ERROR = { type: "caa", detail: "CAA forbids", hint: "Change it", at: "2026-11-23T05:00:00Z" };

/** A certificate of 90 days with so many left. */
function held(daysLeft: number, issuer = FIRST): HeldCertificate {
  const notAfter = NOW + daysLeft * DAY;
  const [notBefore, renewAt] = [notAfter - 90 * DAY, notAfter - 30 * DAY];
  return heldCertificate({ issuer, notBefore, notAfter, renewAt });
}

function holding(changes: Partial<Holding>): Holding {
  return { ...newHolding(named("a.example"), true), ...changes };
}

const judging: Judging = {
  expiresWithin: 0.25,
  now: NOW,
  issuers: [FIRST, SECOND],
  lasted: () => false,
};

const later = {
  ...{ serial: "01", nextCheckAt: NOW, failures: 0, hurriedAt: undefined },
  window: {
    ...{ start: NOW + 8 * DAY, end: NOW + 9 * DAY, pickedAt: NOW + 8 * DAY },
    explanationUrl: undefined,
  },
};
const turn = (issuer: string) => ({ issuer, failures: 0, waits: {} });
const INTERRUPTED = { ...ERROR, type: "INTERRUPTED" };

const table: readonly (readonly [
  what: string,
  changes: Partial<Holding>,
  troubles: readonly string[],
  judged?: Partial<Judging>,
])[] = [
  ["a certificate with half its life left", { certificate: held(45) }, []],
  ["no certificate, and no attempt yet", {}, []],
  ["a failed first attempt", { lastError: ERROR, attempts: 1 }, ["issuance.failing critical"]],
  [
    "a failed first attempt that is made again right now",
    { lastError: ERROR, attempts: 1, isOrdering: true },
    ["issuance.failing critical"],
  ],
  ["a first attempt that was cut short", { lastError: INTERRUPTED, attempts: 1 }, []],
  [
    "an attempt that was cut short in a failure that was told before",
    { certificate: held(29), lastError: INTERRUPTED, attempts: 1 },
    ["renewal.failing warning"],
    { lasted: (key) => key === "renewal.failing a.example" },
  ],
  [
    "a second attempt that was cut short",
    { lastError: INTERRUPTED, attempts: 2 },
    ["issuance.failing critical"],
  ],
  ["a stranger's name without a certificate", { listed: false, lastError: ERROR, attempts: 9 }, []],
  [
    "a failed renewal",
    { certificate: held(29), lastError: ERROR, attempts: 1 },
    ["renewal.failing warning"],
  ],
  [
    "a failed renewal of a name on demand",
    { listed: false, isDecided: true, certificate: held(29), lastError: ERROR, attempts: 1 },
    ["renewal.failing warning"],
  ],
  [
    "a renewal that failed until a quarter was left",
    { certificate: held(22), lastError: ERROR, attempts: 1 },
    ["renewal.failing warning", "certificate.expiring warning"],
  ],
  [
    "an expired certificate",
    { certificate: held(-1), lastError: ERROR, attempts: 1 },
    ["renewal.failing critical", "certificate.expiring critical"],
  ],
  [
    "a quarter left without any attempt",
    { certificate: held(22) },
    ["certificate.expiring warning"],
  ],
  [
    "a quarter left, which the CA advises to wait for",
    { certificate: held(22), renewalInfo: later },
    [],
  ],
  [
    "a quarter left, which the CA advises to wait for, after a failure",
    { certificate: held(22), renewalInfo: later, lastError: ERROR, attempts: 1 },
    ["renewal.failing warning", "certificate.expiring warning"],
  ],
  [
    "two thirds left, with somebody who wants to know",
    { certificate: held(60) },
    ["certificate.expiring warning"],
    { expiresWithin: 0.9 },
  ],
  [
    "the expired certificate of a customer who left: policy refuses the name",
    { listed: false, certificate: held(-1), isRefused: true, lastError: ERROR, attempts: 1 },
    [],
  ],
  [
    "a name on demand that is due, before policy was asked since the start",
    { listed: false, certificate: held(22), lastError: ERROR, attempts: 1 },
    [],
  ],
  [
    "a name on demand that is due, whose policy could not be asked",
    { listed: false, isDecided: true, certificate: held(22), nextAttemptAt: NOW + 60_000 },
    ["certificate.expiring warning"],
  ],
  [
    "a name on demand with two thirds left, with somebody who wants to know",
    { listed: false, certificate: held(60) },
    ["certificate.expiring warning"],
    { expiresWithin: 0.9 },
  ],
  [
    "a turn of the second issuer",
    { certificate: held(45), turn: turn(SECOND) },
    ["issuer.switched warning"],
  ],
  ["a turn of the first issuer", { certificate: held(45), turn: turn(FIRST) }, []],
  [
    "a turn of one that is configured no longer",
    { certificate: held(45), turn: turn("https://gone.example/directory") },
    [],
  ],
  [
    "a certificate of the second issuer that stood in",
    { certificate: held(89, SECOND), standIn: SECOND },
    ["issuer.switched warning"],
  ],
  [
    "the same after a restart, which remembers that it was told",
    { certificate: held(89, SECOND) },
    ["issuer.switched warning"],
    { lasted: (key) => key === keyOf({ kind: "issuer.switched", host: "a.example" }) },
  ],
  ["a certificate of an issuer that is now the second", { certificate: held(89, SECOND) }, []],
  [
    "a certificate of the first issuer after the second stood in",
    { certificate: held(89), standIn: FIRST },
    [],
    { lasted: () => true },
  ],
];

test("that another issuer is asked tells what the first one failed by, also when the other one has issued or failed", () => {
  const switchedBy = { type: "rejectedIdentifier", detail: "not that name" };
  const stoodIn = { certificate: held(89, SECOND), standIn: SECOND };
  for (const more of [{}, { lastError: ERROR }]) {
    const found = troublesOf(holding({ ...stoodIn, switchedBy, ...more }), judging);
    const trouble = found.find(({ kind }) => kind === "issuer.switched");
    assert.equal(trouble?.detail, `${FIRST} failed: rejectedIdentifier: not that name`);
  }
  const [unknown] = troublesOf(holding(stoodIn), judging);
  assert.equal(unknown?.detail, `${FIRST} failed before`);
});

for (const [what, changes, troubles, judged] of table) {
  test(`${what}: ${troubles.join(", ") || "nobody is told"}`, () => {
    const found = troublesOf(holding(changes), { ...judging, ...judged });
    assert.deepEqual(
      found.map(({ kind, severity }) => `${kind} ${severity}`),
      troubles,
    );
  });
}

test("a trouble tells the cause as the CA worded it, what to do, and the next attempt", () => {
  const nextAttemptAt = NOW + DAY;
  const [trouble] = troublesOf(holding({ lastError: ERROR, attempts: 1, nextAttemptAt }), judging);
  assert.deepEqual(
    [trouble?.host, trouble?.detail, trouble?.hint, trouble?.nextAttemptAt],
    ["a.example", "caa: CAA forbids", "Change it", nextAttemptAt],
  );
});

test("what puts a renewal off stands in the alert of a certificate that expires, with what can be done", () => {
  const paused = { ...ERROR, type: "ACME_PAUSED", detail: "asked for peace", hint: "wait" };
  const wait = (waiting: LastError) =>
    troublesOf(holding({ certificate: held(22), waiting, nextAttemptAt: NOW + DAY }), judging);
  const [asked] = wait(paused);
  assert.deepEqual(
    [asked?.kind, asked?.detail, asked?.hint],
    [
      ...["certificate.expiring", "ACME_PAUSED: asked for peace"],
      "It is tried at its time. To ask the CA before, run: latchkey retry a.example",
    ],
  );
  const [spent] = wait({ ...paused, type: "BUDGET_SPENT", detail: "used up" });
  assert.deepEqual([spent?.detail, spent?.hint], ["BUDGET_SPENT: used up", "wait"]);
  const [untried] = troublesOf(holding({ certificate: held(22) }), judging);
  assert.equal(untried?.hint, "Run: latchkey renew a.example");
});

const past: readonly (readonly [what: string, changes: Partial<Holding>])[] = [
  ["an attempt that is due", { lastError: ERROR, attempts: 1, nextAttemptAt: NOW }],
  ["an issuer that has the turn", { certificate: held(45), turn: turn(SECOND), nextAttemptAt: 1 }],
  ["a renewal that is due", { certificate: held(10) }],
];
for (const [what, changes] of past) {
  test(`${what} has no next attempt in the past`, () => {
    const [trouble] = troublesOf(holding(changes), judging);
    assert.ok(trouble !== undefined);
    assert.equal(trouble.nextAttemptAt, undefined);
  });
}

/** A certificate given by hand for own.example: of so many days, with so many left. */
function given(lifeDays: number, daysLeft: number, names = ["own.example"]): Given {
  const notAfter = NOW + daysLeft * DAY;
  const dates = { notBefore: notAfter - lifeDays * DAY, notAfter };
  return { ...GIVEN, pair: { kind: "usable", isCut: false, serial: "01", names, ...dates } };
}

const GIVEN: Given = {
  host: "own.example",
  pattern: { kind: "exact", host: named("own.example") },
  files: { chain: "/srv/own.pem", key: "/srv/own.key" },
  pair: { kind: "unusable", part: "key", why: "the key does not belong to the certificate" },
  readAt: NOW,
};

const byHand: readonly (readonly [string, Given, readonly string[]])[] = [
  ["good files", given(90, 80), []],
  ["files that run out", given(90, 10), ["certificate.expiring warning"]],
  ["files for ten years with 31 days left", given(3_650, 31), []],
  ["files for ten years with 29 days left", given(3_650, 29), ["certificate.expiring warning"]],
  ["files that have run out", given(90, -1), ["certificate.expiring critical"]],
  ["files that are not valid yet", given(90, 91), ["certificate.unusable critical"]],
  ["files for another host", given(90, 80, ["a.example"]), ["certificate.unusable critical"]],
  [
    "files for another host that have run out",
    given(90, -1, ["a.example"]),
    ["certificate.unusable critical", "certificate.expiring critical"],
  ],
  [
    "files for another host that are not valid yet",
    given(90, 91, ["a.example"]),
    ["certificate.unusable critical"],
  ],
  ["files that cannot be used", GIVEN, ["certificate.unusable critical"]],
];

for (const [what, files, troubles] of byHand) {
  test(`${what} given by hand: ${troubles.join(", ") || "nobody is told"}`, () => {
    const found = troublesOfGiven(files, judging).map(
      ({ kind, severity }) => `${kind} ${severity}`,
    );
    assert.deepEqual(found, troubles);
  });
}

test("a trouble of files given by hand names the cause, the file to mend and the reload", () => {
  const [trouble] = troublesOfGiven(GIVEN, judging);
  assert.match(trouble?.message ?? "", /own\.example/);
  assert.match(trouble?.detail ?? "", /^CERTIFICATE_INVALID: the key does not belong/);
  assert.match(trouble?.hint ?? "", /\/srv\/own\.key .*, then run: latchkey reload\.$/);
});
