import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { certIdOf } from "../../src/acme/cert-id.ts";
import { certifyLeaf, certifyRoot } from "../../src/authority/certify.ts";
import { RenewalInfo } from "../../src/authority/renewal-info.ts";
import { parsePlain } from "../../src/base/hostname.ts";
import { makeKey, renumbered } from "../support/certificates.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const start = Date.UTC(2026, 10, 23, 6);
const key = makeKey();
const signer = {
  key,
  certificate: certifyRoot(key, ["test"], { notBefore: start, notAfter: start + 9 * DAY_MS }),
};
const names = [parsePlain("a.test")!];

function leafOf(lifeMs: number): X509Certificate {
  return certifyLeaf(key, names, { notBefore: start, notAfter: start + lifeMs }, signer);
}

/** How the advice follows the life of a certificate. */
const lives = [
  { what: "a minute", lifeMs: MINUTE_MS, startMs: 38_800, endMs: 41_200, retryAfterS: 1 },
  { what: "five minutes", lifeMs: 5 * MINUTE_MS, startMs: 194_000, endMs: 206_000, retryAfterS: 6 },
  {
    what: "7 days",
    lifeMs: 7 * DAY_MS,
    startMs: 391_104_000,
    endMs: 415_296_000,
    retryAfterS: 12_096,
  },
  {
    what: "90 days",
    lifeMs: 90 * DAY_MS,
    startMs: 5_028_480_000,
    endMs: 5_339_520_000,
    retryAfterS: 21_600,
  },
];

for (const { what, lifeMs, startMs, endMs, retryAfterS } of lives) {
  test(`a certificate of ${what} is renewed around two thirds of its life`, () => {
    const info = new RenewalInfo();
    const leaf = leafOf(lifeMs);
    info.remember(leaf, "me", names);
    const advice = info.advise(certIdOf(leaf.toString()) ?? "");
    assert.equal(Date.parse(advice.suggestedWindow.start), start + startMs);
    assert.equal(Date.parse(advice.suggestedWindow.end), start + endMs);
    assert.equal(advice.retryAfterS, retryAfterS);
  });
}

test("replaces is checked against account, names and an earlier replacement", () => {
  const info = new RenewalInfo();
  const leaf = leafOf(DAY_MS);
  const certId = certIdOf(leaf.toString()) ?? "";
  info.remember(leaf, "me", names);
  info.checkReplaces(certId, "me", names);
  info.checkReplaces("AAAA.BBBB", "me", names);
  const type = (name: string) => ({ problem: { type: `urn:ietf:params:acme:error:${name}` } });
  const refuses = (error: string, work: () => void) =>
    assert.throws(work, (thrown: { problem: { type: string } }) => {
      assert.equal(thrown.problem.type, type(error).problem.type);
      return true;
    });
  refuses("unauthorized", () => info.checkReplaces(certId, "you", names));
  refuses("malformed", () => info.checkReplaces(certId, "me", [parsePlain("b.test")!]));
  refuses("malformed", () => info.checkReplaces("", "me", names));
  info.markReplaced(certId);
  refuses("alreadyReplaced", () => info.checkReplaces(certId, "me", names));
});

test("of more certificates than there is room for the newest are remembered", () => {
  const info = new RenewalInfo(100);
  const first = leafOf(DAY_MS);
  info.remember(first, "me", names);
  // One certificate under other names of the same form: signing them would take longer.
  for (let count = 0; count < 100; count += 1) info.remember(renumbered(first, count), "me", names);
  assert.equal(info.size, 100);
  assert.throws(() => info.advise(certIdOf(first.toString()) ?? ""), { name: "Refusal" });
});
