import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CertificateInUse,
  type RevocationReason,
  type RevocationSteps,
  revoke,
} from "../../src/certificate/revocation.ts";
import type { UntoldRevocation } from "../../src/storage/revoked-keys.ts";
import { named } from "../support/stored.ts";

const host = named("shop.example");
const inUse: CertificateInUse = { serial: "0c", issuer: "the CA", chain: "chain", key: "key" };

/** A name with the certificate 0c, whose revocations for these reasons its CA was not told of, by serial. */
function world(reasons: Readonly<Record<string, RevocationReason>>, isReached: boolean) {
  const untold: UntoldRevocation[] = Object.entries(reasons).map(([serial, reason]) => ({
    ...{ serial, reason, issuer: "the CA", chain: "chain" },
  }));
  const taken: string[] = [];
  const steps: RevocationSteps = {
    inUse: async () => inUse,
    distrust: async (_name, { serial }, reason) => void taken.push(`distrust ${serial} ${reason}`),
    untold: {
      of: () => untold,
      tell: async (_name, { serial, reason }) => {
        taken.push(`tell ${serial} ${reason}`);
        if (!isReached) throw new Error("out of reach");
      },
      isTriedAgain: () => false,
    },
    sharing: async () => [],
  };
  const replace = async () => ({ isReplaced: true, detail: "0d is in use" });
  return { taken, revoke: (reason: RevocationReason) => revoke(steps, host, reason, replace) };
}

const UNTOUCHED = "the one in use, 0c, is not touched (another reason would revoke it too)";
const WHOLE = ["distrust 0c keyCompromise", "tell 0c keyCompromise"];

const cases: readonly {
  readonly what: string;
  readonly untold: Readonly<Record<string, RevocationReason>>;
  readonly reason: RevocationReason;
  readonly isReached?: boolean;
  readonly taken: readonly string[];
  readonly outcome: { readonly kind: string; readonly detail: string };
}[] = [
  {
    what: "the same reason finishes what was not told, and leaves the certificate in use",
    untold: { "0a": "superseded", "0b": "unspecified" },
    reason: "superseded",
    taken: ["tell 0a superseded", "tell 0b unspecified"],
    outcome: {
      kind: "done",
      detail: `0a, which had been replaced before, is revoked; 0b, which had been replaced before, is revoked; ${UNTOUCHED}`,
    },
  },
  {
    what: "the same reason leaves the certificate in use also when the CA is still out of reach",
    untold: { "0a": "superseded" },
    reason: "superseded",
    isReached: false,
    taken: ["tell 0a superseded"],
    outcome: { kind: "failed", detail: `0a is not revoked: out of reach; ${UNTOUCHED}` },
  },
  {
    what: "a keyCompromise after another reason distrusts the key in use, then finishes",
    untold: { "0a": "superseded" },
    reason: "keyCompromise",
    taken: [...WHOLE, "tell 0a superseded"],
    outcome: {
      kind: "done",
      detail: "0c is revoked; 0d is in use; 0a, which had been replaced before, is revoked",
    },
  },
  {
    what: "a keyCompromise after one that was not told leaves the certificate that has come since",
    untold: { "0a": "keyCompromise" },
    reason: "keyCompromise",
    taken: ["tell 0a keyCompromise"],
    outcome: {
      kind: "done",
      detail: `0a, which had been replaced before, is revoked; ${UNTOUCHED}`,
    },
  },
  {
    what: "a certificate that could not be replaced is the one in use, and revoked again",
    untold: { "0c": "keyCompromise" },
    reason: "keyCompromise",
    taken: WHOLE,
    outcome: { kind: "done", detail: "0c is revoked; 0d is in use" },
  },
  {
    what: "what could not be finished is a failure, although the certificate in use could be replaced",
    untold: { "0a": "superseded" },
    reason: "unspecified",
    isReached: false,
    taken: ["distrust 0c unspecified", "tell 0c unspecified", "tell 0a superseded"],
    outcome: {
      kind: "failed",
      detail: "0c is not revoked: out of reach; 0d is in use; 0a is not revoked: out of reach",
    },
  },
];

for (const { what, untold, reason, isReached = true, taken, outcome } of cases) {
  test(what, async () => {
    const shop = world(untold, isReached);
    assert.deepEqual(await shop.revoke(reason), outcome);
    assert.deepEqual(shop.taken, taken);
  });
}
