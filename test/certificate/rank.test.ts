import assert from "node:assert/strict";
import { test } from "node:test";
import { rankOf } from "../../src/certificate/rank.ts";
import { type Holding, newHolding } from "../../src/certificate/records.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { named } from "../support/stored.ts";

const NOW = Date.UTC(2026, 10, 23);
const DAY = 86_400_000;

function holding(what: string, days: number | undefined, failures: Partial<Holding> = {}): Holding {
  const made = Object.assign(newHolding(named(`${what}.example`), true), failures);
  if (days === undefined) return made;
  const notAfter = NOW + days * DAY;
  const times = { notBefore: NOW - 90 * DAY, notAfter, renewAt: NOW };
  return Object.assign(made, { certificate: heldCertificate(times) });
}

test("attempts come in the order of what is lost without them: expiry, then new names, then what only ever fails", () => {
  const wanted = [
    holding("expired", -1),
    holding("expires-tomorrow", 1, { attempts: 30 }),
    holding("expires-in-a-month", 30),
    holding("new", undefined),
    holding("failing", undefined, { attempts: 3 }),
    holding("out-of-reach", undefined, { attempts: 50, failureKind: "unreachable" }),
    holding("dead", undefined, { attempts: 4 }),
    holding("long-dead", -100, { attempts: 90 }),
  ];
  const sorted = wanted.toSorted((a, b) => rankOf(a, NOW) - rankOf(b, NOW));
  assert.deepEqual(
    sorted.map(({ host }) => host),
    wanted.map(({ host }) => host),
  );
  const mixed = wanted.toReversed().toSorted((a, b) => rankOf(a, NOW) - rankOf(b, NOW));
  assert.deepEqual(
    mixed.slice(0, 3).map(({ host }) => host),
    wanted.slice(0, 3).map(({ host }) => host),
  );
});
