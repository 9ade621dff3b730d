import assert from "node:assert/strict";
import { test } from "node:test";
import { flawsOf, isFault, recordOfGiven } from "../../src/certificate/flaw.ts";
import type { Given } from "../../src/certificate/manual.ts";
import { formatPattern, readHostPattern } from "../../src/config/host-pattern.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 23, 6);

/** A host as a person writes it, with a certificate for these names: of 90 days, with so many left. */
function given(written: string, names: readonly string[], daysLeft = 60): Given {
  const pattern = readHostPattern(written);
  assert.ok(pattern.ok);
  const notAfter = NOW + daysLeft * DAY;
  return {
    host: formatPattern(pattern.value),
    pattern: pattern.value,
    files: { chain: "/srv/own.pem", key: "/srv/own.key" },
    pair: {
      kind: "usable",
      isCut: false,
      serial: "01",
      names,
      notBefore: notAfter - 90 * DAY,
      notAfter,
    },
    readAt: NOW,
  };
}

const names: readonly [host: string, names: readonly string[], flaws: readonly string[]][] = [
  ["own.example", ["own.example"], []],
  ["OWN.example.", ["own.example"], []],
  ["own.example", ["a.example", "own.example"], []],
  ["own.example", ["*.example"], []],
  ["own.example", ["other.example"], ["misnamed"]],
  ["own.example", ["*.own.example"], ["misnamed"]],
  ["a.b.own.example", ["*.own.example"], ["misnamed"]],
  ["own.example", [], ["misnamed"]],
  ["own.example", ["192.0.2.7"], ["misnamed"]],
  ["münchen.example", ["xn--mnchen-3ya.example"], []],
  ["münchen.example", ["munchen.example"], ["misnamed"]],
  ["*.own.example", ["*.own.example"], []],
  ["*.own.example", ["own.example", "*.own.example"], []],
  ["*.own.example", ["a.own.example", "b.own.example"], ["narrow"]],
  ["*.own.example", ["own.example"], ["misnamed"]],
  ["*.own.example", ["a.b.own.example"], ["misnamed"]],
  ["*.own.example", ["*.a.own.example"], ["misnamed"]],
  ["*", ["anything.example"], []],
  ["*", [], ["misnamed"]],
  ["192.0.2.7", ["192.0.2.7"], []],
  ["192.0.2.7", ["192.0.2.8"], ["misnamed"]],
  ["192.0.2.7", ["*.2.7"], ["misnamed"]],
  ["2001:DB8::0:1", ["2001:db8::1"], []],
  ["2001:db8::1", ["2001:db8::2"], ["misnamed"]],
];

for (const [host, held, flaws] of names) {
  test(`for ${host} a certificate for ${held.join(", ") || "nobody"} is ${flaws.join() || "right"}`, () => {
    const found = flawsOf(given(host, held), { now: NOW, expiresWithin: 0.25 });
    assert.deepEqual(
      found.map(({ kind }) => kind),
      flaws,
    );
  });
}

const times: readonly [daysLeft: number, flaws: readonly string[], error: string | undefined][] = [
  [89, [], undefined],
  [23, [], undefined],
  [22, ["expiring"], undefined],
  [0, ["expired"], "CERTIFICATE_EXPIRED"],
  [-400, ["expired"], "CERTIFICATE_EXPIRED"],
  [91, ["early"], "CERTIFICATE_NOT_YET_VALID"],
];

for (const [daysLeft, flaws, error] of times) {
  test(`with ${daysLeft} of 90 days left a certificate is ${flaws.join() || "right"}, no fault, and manual, with ${error ?? "no error"}`, () => {
    const files = given("own.example", ["own.example"], daysLeft);
    const found = flawsOf(files, { now: NOW, expiresWithin: 0.25 });
    assert.deepEqual(
      found.map(({ kind }) => kind),
      flaws,
    );
    assert.ok(!found.some(isFault));
    const row = recordOfGiven(files, NOW);
    assert.deepEqual([row.state, row.serial, row.lastError?.type], ["manual", "01", error]);
  });
}

test("of a certificate for many hosts a few are named", () => {
  const many = Array.from({ length: 100 }, (_, index) => `h${index}.example`);
  const [flaw] = flawsOf(given("own.example", many), { now: NOW, expiresWithin: 0 });
  assert.match(
    flaw?.detail ?? "",
    /^it is for "h0\.example", .*"h4\.example" and 95 more, not for/,
  );
});

test("a certificate without the one that issued it is no fault, and told after what is worse", () => {
  const files = given("*.own.example", ["a.own.example"], 10);
  assert.ok(files.pair.kind === "usable");
  const cut: Given = { ...files, pair: { ...files.pair, isCut: true } };
  const found = flawsOf(cut, { now: NOW, expiresWithin: 0.25 });
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ["expiring", "cut", "narrow"],
  );
  assert.ok(!found.some(isFault));
  assert.equal(recordOfGiven(cut, NOW).state, "manual");
});
