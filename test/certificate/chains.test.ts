import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { createKey } from "../../src/acme/keys.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { chooseChain } from "../../src/certificate/chains.ts";
import { verifyCredential } from "../../src/certificate/verify.ts";
import { limits } from "../../src/config/limits.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { keptLog, named } from "../support/stored.ts";

const host = named("shop.example");
const key = await createKey("ecdsa-p256");

/** A chain of a certificate for our key, by a root of this name. */
function chainBy(name: string, options: { names?: string[]; key?: string } = {}): string {
  const { names = [host] } = options;
  const issuer = makeAuthority({ name: `${name} CA`, parent: makeAuthority({ name }) });
  return makeCertificate({ names, key: createPrivateKey(options.key ?? key), issuer }).chain;
}

const own = chainBy("Root 0");
const unreachable = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach ca.test: it is down");

/** What the CA has besides its own choice, what is preferred, which chain is taken, and how many were asked for. */
const cases: readonly (readonly [
  what: string,
  alternates: readonly (string | Error)[],
  preferred: string | undefined,
  chosen: number | "own",
  asked: number,
])[] = [
  ["nothing preferred", [chainBy("Root 1")], undefined, "own", 0],
  ["its own choice preferred", [chainBy("Root 1")], "Root 0", "own", 0],
  ["another one preferred", [chainBy("Root 1"), chainBy("Root 2")], "Root 2", 1, 2],
  ["the first of two preferred", [chainBy("Root 1"), chainBy("Root 1")], "Root 1", 0, 1],
  ["an intermediate's name preferred", [chainBy("Root 1")], "Root 1 CA", "own", 1],
  ["another spelling preferred", [chainBy("Root 1")], "root 1", "own", 1],
  ["a preference and no alternates", [], "Root 1", "own", 0],
  [
    "the preferred one for another name",
    [chainBy("Root 1", { names: ["b.example"] })],
    "Root 1",
    "own",
    1,
  ],
  [
    "the preferred one for another key, and a good one after it",
    [chainBy("Root 1", { key: await createKey("ecdsa-p256") }), chainBy("Root 1")],
    "Root 1",
    1,
    2,
  ],
  [
    "the preferred one in pieces",
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
    "Root 1",
    "own",
    1,
  ],
  [
    "one refused, and the preferred one after it",
    [new Error("404"), chainBy("Root 1")],
    "Root 1",
    1,
    2,
  ],
  ["no answer to the first", [unreachable, chainBy("Root 1")], "Root 1", "own", 1],
  [
    "the preferred one behind more than are looked at",
    [...Array.from({ length: limits.acmeAlternateChainsMax }, () => own), chainBy("Root 1")],
    "Root 1",
    "own",
    limits.acmeAlternateChainsMax,
  ],
];

for (const [what, alternates, preferred, chosen, expected] of cases) {
  test(`a CA with ${what}: ${chosen === "own" ? "its own choice" : `alternate ${chosen + 1}`}, after ${expected} more requests`, async () => {
    let asked = 0;
    const log = keptLog();
    const client = {
      chain: async (url: string) => {
        asked += 1;
        const alternate = alternates[Number(url)] ?? assert.fail(url);
        if (typeof alternate === "string") return alternate;
        throw alternate;
      },
    };
    const verify = (chain: string) => verifyCredential(chain, key, host, Date.now());
    const certificate = { chain: own, alternates: alternates.map((_, index) => String(index)) };
    const signal = AbortSignal.timeout(10_000);
    const found = await chooseChain({ client, log, verify }, host, certificate, preferred, signal);
    assert.equal(found.chain, chosen === "own" ? own : alternates[chosen]);
    assert.equal(asked, expected);
    const isMissed = chosen === "own" && preferred !== undefined && preferred !== "Root 0";
    assert.equal(log.events.length, isMissed ? 1 : 0);
    if (isMissed) {
      const { preferred: told, offered } = log.only("certificate.other-chain");
      assert.equal(told, preferred);
      assert.match(String(offered), /^Root 0(?:,|$)/);
    }
  });
}

test("an order that is ended while chains are looked at is ended", async () => {
  const reason = new Error("stopping");
  const steps = {
    client: { chain: () => Promise.reject(reason) },
    log: keptLog(),
    verify: (chain: string) => verifyCredential(chain, key, host, Date.now()),
  };
  const certificate = { chain: own, alternates: ["1"] };
  const choice = chooseChain(steps, host, certificate, "Root 1", AbortSignal.abort(reason));
  await assert.rejects(choice, reason);
});

test("a CA's own choice that does not stand up is not rescued by an alternate", async () => {
  const strange = chainBy("Root 0", { names: ["b.example"] });
  assert.equal(new X509Certificate(strange).subjectAltName, "DNS:b.example");
  const steps = {
    client: { chain: async () => chainBy("Root 1") },
    log: keptLog(),
    verify: (chain: string) => verifyCredential(chain, key, host, Date.now()),
  };
  const certificate = { chain: strange, alternates: ["1"] };
  const choice = chooseChain(steps, host, certificate, "Root 1", AbortSignal.timeout(10_000));
  await assert.rejects(choice, { code: "CERTIFICATE_INVALID" });
});
