import assert from "node:assert/strict";
import { test } from "node:test";
import { Acknowledgements } from "../../src/certificate/acknowledge.ts";

const worker = (index: number, ready = true) => ({
  index,
  ready,
  pid: 1,
  startedAt: 0,
  isCurrent: true,
  isDraining: false,
});

test("a round is complete when every worker has acknowledged it", async () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.peersChanged([worker(1), worker(2), worker(3, false)]);
  const round = acknowledgements.nextRound();
  const outcome = acknowledgements.wait(round, 60_000);
  acknowledgements.acknowledged(round, 1);
  acknowledgements.acknowledged(round, 1);
  acknowledgements.acknowledged(round + 1, 2);
  acknowledgements.acknowledged(round, 2);
  assert.equal(await outcome, "all");
});

test("a worker that dies is not waited for", async () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.peersChanged([worker(1), worker(2)]);
  const round = acknowledgements.nextRound();
  const outcome = acknowledgements.wait(round, 60_000);
  acknowledgements.acknowledged(round, 1);
  acknowledgements.peersChanged([worker(1)]);
  assert.equal(await outcome, "all");
});

test("a worker that says nothing ends the round by its deadline", async () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.peersChanged([worker(1)]);
  assert.equal(await acknowledgements.wait(acknowledgements.nextRound(), 20), "none");
});

test("a round that some have acknowledged by its deadline is told apart from one that nobody has", async () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.peersChanged([worker(1), worker(2), worker(3)]);
  const round = acknowledgements.nextRound();
  const outcome = acknowledgements.wait(round, 20);
  acknowledgements.acknowledged(round, 2);
  assert.equal(await outcome, "some");
});

test("a manager that starts again does not take an answer to its predecessor for one to itself", async () => {
  const [before, after] = [new Acknowledgements(), new Acknowledgements()];
  const late = before.nextRound();
  after.peersChanged([worker(1)]);
  const acknowledged = after.wait(after.nextRound(), 20);
  after.acknowledged(late, 1);
  assert.equal(await acknowledged, "none");
});

test("a worker that takes no more connections has no say: nobody who comes gets what it has", async () => {
  const acknowledgements = new Acknowledgements();
  acknowledgements.peersChanged([{ ...worker(1), isDraining: true }, worker(2)]);
  assert.deepEqual(acknowledgements.workers, [2]);
  const round = acknowledgements.nextRound();
  const outcome = acknowledgements.wait(round, 20);
  acknowledgements.acknowledged(round, 1);
  assert.equal(await outcome, "none");
});
