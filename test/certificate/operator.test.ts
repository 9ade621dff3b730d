import assert from "node:assert/strict";
import { test } from "node:test";
import { obey } from "../../src/certificate/operator.ts";
import { newHolding } from "../../src/certificate/records.ts";
import { named } from "../support/stored.ts";

test("an operator hears why the attempt of now was put off, not how one of before failed", async () => {
  const holding = newHolding(named("shop.example"), true);
  const at = new Date(0).toISOString();
  holding.lastError = { type: "ACME_CHALLENGE_FAILED", detail: "long ago", hint: "", at };
  holding.waiting = { type: "BUDGET_SPENT", detail: "used up", hint: "wait", at };
  const outcome = await obey(
    {
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
    },
    holding.host,
    { action: "renew" },
  );
  assert.deepEqual(outcome, { kind: "failed", detail: "BUDGET_SPENT: used up (wait)" });
});
