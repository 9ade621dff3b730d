import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { limits } from "../../src/config/limits.ts";
import { ManagerLink } from "../../src/process/manager-link.ts";
import type { Message } from "../../src/process/messages.ts";

const question = (ask: number): Message => ({ type: "state.ask", ask });
const answer: Message = { type: "policy.answer", ask: 1, isAllowed: true };
const forever = new AbortController().signal;

/** A link whose manager answers when it is told to, and a question that says how it ended. */
function world(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const open: (() => void)[] = [];
  const link = new ManagerLink({
    ask: (_to, _question, signal) =>
      new Promise((resolve, reject) => {
        open.push(() => resolve(answer));
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  const outcomes: string[] = [];
  const ask = async () => {
    void link.ask(question, forever).then(
      () => outcomes.push("answered"),
      (error) => outcomes.push(error.code),
    );
    await nextTurn();
  };
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    await nextTurn();
  };
  const reply = async () => {
    for (const each of open.splice(0)) each();
    await nextTurn();
  };
  return { link, ask, outcomes, pass, reply, open };
}

test("a question that the manager took with it is put to the next one", async (t) => {
  const { link, ask, outcomes, reply, open } = world(t);
  link.peersChanged("ready");
  await ask();
  link.peersChanged("away");
  link.peersChanged("starting");
  await nextTurn();
  open.splice(0);
  link.peersChanged("ready");
  await nextTurn();
  await reply();
  assert.deepEqual(outcomes, ["answered"]);
});

test("D4: a question waits for a manager that is gone, and one that stays away is waited for no longer", async (t) => {
  const { link, ask, outcomes, pass } = world(t);
  const realNow = performance.now.bind(performance);
  let passedMs = 0;
  t.mock.method(performance, "now", () => realNow() + passedMs);
  link.peersChanged("ready");
  link.peersChanged("away");
  await ask();
  await pass(limits.managerReturnMs - 1_000);
  assert.deepEqual(outcomes, []);
  await pass(1_000);
  assert.deepEqual(outcomes, ["PROCESS_UNREACHABLE"]);
  passedMs = limits.managerReturnMs;
  for (const state of ["starting", "away", "starting"] as const) link.peersChanged(state);
  await ask();
  await pass(1);
  assert.equal(outcomes.length, 2, "at once, however often it is tried again");
});

test("a worker whose manager starts beside it waits for it", async (t) => {
  const first = world(t);
  first.link.peersChanged("starting");
  await first.ask();
  await first.pass(limits.managerReturnMs);
  first.link.peersChanged("ready");
  await first.reply();
  assert.deepEqual(first.outcomes, ["answered"]);
});

test("D4: a worker that starts while the manager stays away gives up its questions", async (t) => {
  const { link, ask, outcomes, pass } = world(t);
  link.peersChanged("away");
  await ask();
  await pass(limits.managerReturnMs);
  assert.deepEqual(outcomes, ["PROCESS_UNREACHABLE"]);
});
