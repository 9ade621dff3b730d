import assert from "node:assert/strict";
import { test } from "node:test";
import type { Challenge } from "../../src/certificate/challenge.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { Preflight } from "../../src/certificate/preflight.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";
import { turns } from "../support/ticks.ts";

const HOUR = 3_600_000;
const TYPE = "urn:ietf:params:acme:error:connection";
const never = new AbortController().signal;

/** Names that failed by tls-alpn-01, at doors that answer the challenge of a host that was armed last. */
function ourDoors() {
  const clock = new ManualClock();
  const holdings = new Holdings();
  const armed = new Map<string, Challenge>();
  const counts = { looking: 0, mostAtOnce: 0, looks: 0, moved: 0 };
  const resolvers = { servers: [], timeoutMs: 1, tries: 1 };
  const preflight = new Preflight({
    ...{ holdings, clock, log: keptLog(), resolver: new Resolver(resolvers), resolvers },
    dnsEntriesFor: () => [],
    arm: async (challenge) => {
      armed.set(challenge.host, challenge);
      return () => {};
    },
    look: async (challenge) => {
      counts.looks += 1;
      counts.looking += 1;
      counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.looking);
      for (let turn = 0; turn < 500 && armed.get(challenge.host) === challenge; turn += 1)
        await turns(1);
      counts.looking -= 1;
      return armed.get(challenge.host) === challenge
        ? { kind: "answered", astray: [] }
        : { kind: "wrong", code: "CHALLENGE_UNANSWERED", why: "another server answers" };
    },
    directoryFor: () => undefined,
    caaIdentitiesFor: () => undefined,
    probe: async () => {},
    moved: () => {
      counts.moved += 1;
    },
    remember: async () => {},
    random: () => 0,
  });
  const fail = (host: string) => {
    const holding = holdings.hold(named(host), true) ?? assert.fail();
    holding.lastError = { type: TYPE, detail: "", hint: "", at: new Date().toISOString() };
    holding.cause = { type: TYPE, issuer: "https://ca.example/", caaIdentities: [] };
    holding.failedChallenge = "tls-alpn-01";
    holding.nextAttemptAt = clock.now() + HOUR;
    return holding;
  };
  return { preflight, fail, counts };
}

test("a name that has just failed while a round looks at it is looked at by one after the other, and neither sees what is not there", async () => {
  const { preflight, fail, counts } = ourDoors();
  const holding = fail("shop.example");
  await Promise.all([preflight.lookAfterFailure(holding, never), preflight.lookAtAll(never)]);
  await preflight.lookAtAll(never);
  assert.equal(holding.cause?.seenAt, undefined);
  assert.deepEqual(counts, { looking: 0, mostAtOnce: 1, looks: 3, moved: 0 });
});

test("looks at different names do not wait for one another", async () => {
  const { preflight, fail, counts } = ourDoors();
  for (const host of ["a.example", "b.example"]) fail(host);
  await preflight.lookAtAll(never);
  assert.deepEqual(counts, { looking: 0, mostAtOnce: 2, looks: 2, moved: 0 });
});
