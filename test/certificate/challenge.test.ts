import assert from "node:assert/strict";
import { test } from "node:test";
import { Acknowledgements } from "../../src/certificate/acknowledge.ts";
import { Challenges } from "../../src/certificate/challenge.ts";
import { judge } from "../../src/certificate/judge.ts";
import { limits } from "../../src/config/limits.ts";
import { keptLog, named } from "../support/stored.ts";

const challenge = {
  type: "http-01",
  host: named("shop.example"),
  token: "token",
  keyAuthorization: "token.thumbprint",
} as const;

/** Challenges of two workers, whose answers are up to the test. */
function world() {
  const acknowledgements = new Acknowledgements();
  const worker = (index: number) => ({
    index,
    ready: true,
    pid: 1,
    startedAt: 0,
    isCurrent: true,
    isDraining: false,
  });
  acknowledgements.peersChanged([worker(1), worker(2)]);
  const [said, log] = [[] as string[], keptLog()];
  let round = 0;
  const challenges = new Challenges(
    acknowledgements,
    (message) => {
      said.push(message.type);
      if (message.type === "challenge.arm") round = message.challenge.id;
    },
    log,
  );
  const acknowledge = (index: number) => acknowledgements.acknowledged(round, index);
  const stay = (...indices: number[]) => acknowledgements.peersChanged(indices.map(worker));
  return { challenges, said, log, acknowledge, stay };
}

test("a challenge that no worker says it answers is not armed, and no CA is to blame for it", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { challenges, said } = world();
  const armed = challenges.arm(challenge);
  t.mock.timers.tick(limits.acknowledgeTimeoutMs);
  const error = await armed.catch((caught: unknown) => caught);
  const failure = judge(error);
  assert.deepEqual(
    [failure.type, failure.kind, failure.weight],
    ["PROCESS_UNREACHABLE", "unreachable", "none"],
  );
  assert.deepEqual(said, ["challenge.arm", "challenge.disarm"]);
  assert.deepEqual(challenges.armed, []);
});

test("a challenge that one of two workers answers in time is armed, and the other one told of", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { challenges, said, log, acknowledge } = world();
  const armed = challenges.arm(challenge);
  acknowledge(1);
  t.mock.timers.tick(limits.acknowledgeTimeoutMs);
  const disarm = await armed;
  assert.equal(log.only("challenge.unacknowledged")["host"], challenge.host);
  disarm();
  disarm();
  assert.deepEqual(said, ["challenge.arm", "challenge.disarm"]);
});

for (const [what, before] of [
  ["when there is no worker", true],
  ["when the last worker dies before it says that it answers", false],
] as const) {
  test(`${what}, a challenge is not armed`, async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { challenges, said, stay } = world();
    if (before) stay();
    const armed = challenges.arm(challenge);
    if (!before) stay();
    await assert.rejects(armed, { code: "PROCESS_UNREACHABLE" });
    assert.deepEqual(said, ["challenge.arm", "challenge.disarm"]);
    assert.deepEqual(challenges.armed, []);
  });
}
