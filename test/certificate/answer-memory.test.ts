import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerMemory } from "../../src/certificate/answer-memory.ts";
import { limits } from "../../src/config/limits.ts";

const NOW = Date.UTC(2026, 10, 25);
const SECOND = 1_000;

const lives = [
  { said: true, lasts: 60 * SECOND },
  { said: false, lasts: 60 * SECOND },
  { said: undefined, lasts: 5 * SECOND },
] as const;

for (const { said, lasts } of lives) {
  test(`the answer ${said} is believed for ${lasts / SECOND} s, and no longer by a clock set back`, () => {
    const memory = new AnswerMemory();
    memory.set("a", said, NOW);
    assert.deepEqual(memory.get("a", NOW + lasts - 1)?.said, said);
    assert.notEqual(memory.get("a", NOW + lasts - 1), undefined);
    assert.equal(memory.get("a", NOW + lasts), undefined);
    assert.equal(memory.get("a", NOW - 60 * SECOND), undefined);
  });
}

test("a later answer takes the place of an earlier one", () => {
  const memory = new AnswerMemory();
  for (const said of [true, false, true, undefined] as const) {
    memory.set("a", said, NOW);
    assert.equal(memory.get("a", NOW)?.said, said);
  }
});

test("T31: twenty thousand noes are bounded, and push out no yes", () => {
  const memory = new AnswerMemory();
  memory.set("customer", true, NOW);
  for (let index = 0; index < 2 * limits.askCacheMax; index += 1)
    memory.set(`made up ${index}`, false, NOW);
  assert.equal(memory.get("customer", NOW)?.said, true);
  assert.equal(memory.get("made up 0", NOW), undefined);
  assert.equal(memory.get(`made up ${limits.askCacheMax}`, NOW)?.said, false);
});
