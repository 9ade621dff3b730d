import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { recordOfGiven } from "../../src/certificate/flaw.ts";
import type { Given, Pair } from "../../src/certificate/manual.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { findingsOfGiven } from "../../src/doctor/given-findings.ts";
import { allPatients, patientOf } from "../../src/doctor/patient.ts";
import { configOf } from "../support/config-text.ts";
import { grave } from "../support/findings.ts";
import { named } from "../support/stored.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 6);
const BROKEN: Pair = { kind: "unusable", part: "chain", why: "the chain holds no PEM certificate" };

/** A certificate of 90 days with so many left. */
function usable(daysLeft: number, serial = "01", names = ["own.example"]): Pair {
  const notAfter = NOW + daysLeft * DAY;
  return { kind: "usable", isCut: false, serial, names, notBefore: notAfter - 90 * DAY, notAfter };
}

function given(pair: Pair): Given {
  const files = { chain: "/srv/own.pem", key: "/srv/own.key" };
  const host = "own.example";
  return { host, pattern: { kind: "exact", host: named(host) }, files, pair, readAt: NOW };
}

const loadedFrom = (pair: Pair) => recordOfGiven(given(pair), NOW);

const rows: readonly [
  what: string,
  pair: Pair,
  loaded: CertificateRecord | undefined,
  findings: readonly string[],
][] = [
  ["good, and nothing runs", usable(80), undefined, []],
  ["good, and served", usable(80), loadedFrom(usable(80)), []],
  ["broken, and nothing runs", BROKEN, undefined, ["problem certificate.unusable"]],
  [
    "broken, and were so at the start",
    BROKEN,
    loadedFrom(BROKEN),
    ["problem certificate.unusable"],
  ],
  ["broken since", BROKEN, loadedFrom(usable(80)), ["problem certificate.unusable"]],
  ["mended since", usable(80), loadedFrom(BROKEN), ["problem certificate.unread"]],
  ["renewed since", usable(80, "02"), loadedFrom(usable(20)), ["advice certificate.unread"]],
  ["renewed too late", usable(80, "02"), loadedFrom(usable(-1)), ["problem certificate.unread"]],
  [
    "for another host",
    usable(80, "01", ["a.example"]),
    undefined,
    ["problem certificate.misnamed"],
  ],
  ["not valid yet", usable(91), undefined, ["problem certificate.early"]],
  ["soon over", usable(20), undefined, ["advice certificate.expiring"]],
  ["over", usable(-1), loadedFrom(usable(-1)), ["problem certificate.expired"]],
];

for (const [what, pair, loaded, findings] of rows) {
  test(`files given by hand that are ${what} give ${findings.join() || "nothing to do"}`, () => {
    const found = findingsOfGiven(given(pair), { now: NOW, expiresWithin: 0.25, loaded });
    assert.deepEqual(grave(found), findings);
    for (const { severity, saw, remedy } of found.filter((each) => each.severity !== "ok")) {
      assert.match(saw, /\/srv\/own\.pem/, severity);
      assert.match(remedy ?? "", /[Rr]un: latchkey reload$/);
    }
  });
}

test("doctor looks at hosts with files given by hand unasked, and at a name under a wildcard by that name", () => {
  const here = import.meta.filename; // read by nobody
  const files = `certificate: { chain: ${here}, key: ${here} }`;
  const config = configOf(`hosts:
  own.example: { respond: a, ${files} }
  "*.own.example": { respond: a, ${files} }
  passed.example: { passThrough: "127.0.0.1:9" }`);
  const routes = buildRoutes(config.hosts);
  const own = given(usable(80));
  const wild: Given = {
    ...own,
    ...{ host: "*.own.example", pattern: { kind: "wildcard", parent: named("own.example") } },
    pair: usable(80, "01", ["a.own.example"]),
  };
  const handed = new Map([own, wild].map((each) => [each.host, each]));
  const records = [wild, own].map((each) => recordOfGiven(each, NOW));
  const unasked = allPatients(records, routes, handed).map(({ kind, name }) => `${kind} ${name}`);
  assert.deepEqual(unasked, ["given *.own.example", "given own.example"]);
  const codesOf = (text: string) => {
    const patient = patientOf(text, routes, handed);
    assert.ok(patient.kind === "given");
    const judging = { now: NOW, expiresWithin: 0.25, loaded: undefined };
    return grave(findingsOfGiven(patient.given, judging));
  };
  assert.deepEqual(codesOf("*.own.example"), ["advice certificate.narrow"]);
  assert.deepEqual(codesOf("A.own.example"), []);
  assert.deepEqual(codesOf("b.own.example"), ["problem certificate.misnamed"]);
});
