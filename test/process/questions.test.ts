import assert from "node:assert/strict";
import { test } from "node:test";
import { LatchkeyError } from "../../src/base/errors.ts";
import { askForReload } from "../../src/process/questions.ts";

const silent = () => Promise.reject(new DOMException("The operation timed out", "TimeoutError"));
const broken = () => Promise.reject(new LatchkeyError("PROCESS_UNREACHABLE", "Cannot ask"));
const never = new AbortController().signal;

const cases: readonly (readonly [
  what: string,
  ask: () => Promise<never>,
  isReplaced: boolean,
  kind: "unanswered" | undefined,
])[] = [
  ["is late", silent, false, "unanswered"],
  ["cannot be asked", broken, false, "unanswered"],
  ["replaces who asked", broken, true, undefined],
];

for (const [what, ask, isReplaced, kind] of cases) {
  test(`a supervisor that ${what} has rejected no configuration`, async () => {
    const answer = await askForReload({ ask }, () => isReplaced, never);
    assert.equal(answer?.kind, kind);
  });
}
