import assert from "node:assert/strict";
import { test } from "node:test";
import { type OperatorSteps, obey } from "../../src/certificate/operator.ts";
import { type Holding, newHolding } from "../../src/certificate/records.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { named } from "../support/stored.ts";

/** The order of an operator is put off, or fails, as the holding says. */
function stepsOf(holding: Holding): OperatorSteps {
  return {
    isKnown: () => true,
    orderNow: async () => ({ kind: "failed", holding }),
    holding: () => holding,
    isServed: () => true,
    revocation: {
      inUse: async () => undefined,
      distrust: async () => {},
      untold: { of: () => [], tell: async () => {}, isTriedAgain: () => false },
      sharing: async () => [],
    },
  };
}

test("an operator hears why the attempt of now was put off, not how one of before failed", async () => {
  const holding = newHolding(named("shop.example"), true);
  const at = new Date(0).toISOString();
  holding.lastError = { type: "ACME_CHALLENGE_FAILED", detail: "long ago", hint: "", at };
  holding.waiting = { type: "BUDGET_SPENT", detail: "used up", hint: "wait", at };
  const outcome = await obey(stepsOf(holding), holding.host, { action: "renew" });
  assert.deepEqual(outcome, { kind: "failed", detail: "BUDGET_SPENT: used up (wait)" });
});

test("a renewal that is put off is tried again when an operator says so; one that is well is not", async () => {
  const holding = newHolding(named("shop.example"), true);
  holding.certificate = heldCertificate({ serial: "02", notAfter: 0 });
  const retry = () => obey(stepsOf(holding), holding.host, { action: "retry" });
  const well = "nothing to try again: 02 is in use until 1970-01-01T00:00:00.000Z";
  assert.deepEqual(await retry(), { kind: "done", detail: well });
  const at = new Date(0).toISOString();
  holding.waiting = { type: "ACME_PAUSED", detail: "in peace", hint: "wait", at };
  assert.deepEqual(await retry(), { kind: "failed", detail: "ACME_PAUSED: in peace (wait)" });
});
