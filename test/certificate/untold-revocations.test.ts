import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { AcmeProblem } from "../../src/acme/problem.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { keyOf } from "../../src/base/trouble.ts";
import { UntoldRevocations } from "../../src/certificate/untold-revocations.ts";
import type { RevokedKey } from "../../src/storage/revoked-keys.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const host = named("shop.example");
const MINUTE = 60_000;
const unreachable = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: the line is cut");
const foreign = new LatchkeyError("HOST_REFUSED", "Cannot revoke: its issuer is none any more");

/** One revocation that the CA was not told of; `answer.error` is what comes of telling it, chance the middle. */
function world(error: Error = unreachable, chain = "chain") {
  const issuer = "https://ca.example/directory";
  const untold = { serial: "0a", issuer, chain, reason: "keyCompromise" };
  const keys = new Map<string, RevokedKey>([
    ["f", { fingerprint: "f", host, isInUse: false, untold }],
  ]);
  const [clock, log] = [new ManualClock(Date.now()), keptLog()];
  const answer: { error: Error | undefined } = { error };
  let tries = 0;
  const untolds = new UntoldRevocations({
    storage: {
      revokedKeys: {
        all: () => [...keys.values()],
        save: async (key) => void keys.set(key.fingerprint, key),
      },
    },
    revoke: async () => {
      tries += 1;
      if (answer.error !== undefined) throw answer.error;
    },
    ...{ clock, log, random: () => 0.5 },
  });
  const stopping = new AbortController();
  const running = untolds.run(stopping.signal);
  return {
    ...{ answer, clock, log, untold, untolds },
    tries: () => tries,
    /** What is still to be told, on disk. */
    left: () => [...keys.values()].filter((key) => key.untold !== undefined).length,
    /** Time goes by, a minute at a turn. */
    async pass(minutes: number) {
      for (let minute = 0; minute < minutes; minute += 1) {
        await clock.asleep(1);
        clock.advance(MINUTE);
        await nextTurn();
      }
      await clock.asleep(1);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

test("a CA that is out of reach is told at the start, after 5, 10, 20, 40 minutes, then every hour, each a little sooner", async () => {
  await using shop = world();
  assert.equal(shop.tries(), 1);
  const minutes: number[] = [];
  for (let minute = 1; minute <= 240; minute += 1) {
    const before = shop.tries();
    await shop.pass(1);
    if (shop.tries() > before) minutes.push(minute);
  }
  assert.deepEqual(minutes, [5, 15, 34, 72, 129, 186], "in whole minutes");
});

test("a person is told while a CA cannot be told, from the first time until it has heard", async () => {
  await using shop = world();
  await shop.pass(1);
  const [trouble = assert.fail(), ...others] = shop.untolds.troubles();
  assert.deepEqual(others, []);
  assert.equal(keyOf(trouble), "revocation.failing shop.example");
  assert.equal(trouble.severity, "warning");
  assert.match(trouble.message, /has not heard that 0a of shop\.example is revoked/);
  assert.equal(trouble.detail, unreachable.message);
  assert.match(trouble.hint, /told again by itself.* reaches https:\/\/ca\.example\/directory/);
  assert.equal(trouble.nextAttemptAt, shop.clock.now() - MINUTE + 4.75 * MINUTE);
  shop.answer.error = undefined;
  await shop.pass(4);
  assert.deepEqual([shop.untolds.troubles(), shop.left()], [[], 0]);
  assert.equal(shop.log.only("certificate.revoked")["serial"], "0a");
});

test("before the first telling nobody knows whether what was told of it is over", async () => {
  await using shop = world();
  const undecided = () =>
    ["shop", "other"].map((name) => shop.untolds.isUndecided(`revocation.failing ${name}.example`));
  assert.deepEqual(undecided(), [true, false], "the CA has not answered yet");
  await shop.pass(0);
  assert.deepEqual(undecided(), [false, false]);
});

test("one whose CA is none of the host's issuers any more is kept for it, told of once, and stands in nobody's way", async () => {
  await using shop = world(foreign);
  await shop.pass(600);
  assert.equal(shop.tries(), 1);
  assert.equal(shop.log.events.length, 1);
  assert.equal(shop.left(), 1, "the next program may have that issuer");
  assert.deepEqual(shop.untolds.of(host), []);
  assert.equal(shop.untolds.isTriedAgain(shop.untold), false);
  const [trouble] = shop.untolds.troubles();
  assert.equal(trouble?.nextAttemptAt, undefined);
  assert.match(trouble?.hint ?? "", /^Put https:\/\/ca\.example\/directory among the issuers/);
});

test("one that has expired meanwhile need not be told: nobody believes it", async () => {
  const { chain } = makeCertificate({ names: [host], notAfter: Date.now() + 24 * 60 * MINUTE });
  await using shop = world(foreign, chain);
  await shop.pass(23 * 60);
  assert.equal(shop.left(), 1);
  await shop.pass(2 * 60);
  assert.deepEqual([shop.left(), shop.untolds.troubles()], [0, []]);
  assert.equal(shop.tries(), 1);
});

const lastWords: readonly (readonly [string, Error, number])[] = [
  ["the CA refuses it", problem(403), 0],
  [
    "the CA takes no revocations",
    new LatchkeyError("ACME_REVOCATION_UNKNOWN", "Cannot revoke: the CA does not offer it"),
    0,
  ],
  ["the CA is in trouble", problem(503), 1],
  ["the CA asks for patience", problem(429), 1],
  ["something else answers", new LatchkeyError("ACME_PROTOCOL", "Cannot revoke: a page"), 1],
];

for (const [what, error, left] of lastWords) {
  test(`when ${what}, it is ${left === 0 ? "not told again" : "told again"}`, async () => {
    await using shop = world(error);
    await shop.pass(1);
    assert.deepEqual([shop.left(), shop.untolds.troubles().length], [left, left]);
    assert.equal(shop.untolds.isTriedAgain(shop.untold), left === 1);
  });
}

test("what an operator is about to tell is left to them, and told again by itself when they could not", async () => {
  await using shop = world();
  await shop.pass(1);
  await shop.untolds.during(host, async () => {
    await shop.pass(60);
    assert.equal(shop.tries(), 1);
    await assert.rejects(shop.untolds.tell(host, shop.untold), { code: "ACME_UNREACHABLE" });
  });
  await shop.pass(10);
  assert.equal(shop.tries(), 3);
});

function problem(status: number): AcmeProblem {
  const type = "urn:ietf:params:acme:error:unauthorized";
  const more = { instance: undefined, subproblems: [] };
  return new AcmeProblem("revoke a certificate", { type, detail: "No", status, ...more });
}
