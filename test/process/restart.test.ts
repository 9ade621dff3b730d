import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { deathsAfter, type End, restartWaitMs } from "../../src/process/restart.ts";

const died: End = { wanted: false, livedMs: 50, wasReady: false };
const served: End = { ...died, wasReady: true };
const left: End = { ...served, wanted: true };

for (const [what, deaths, end, isLast, expected] of [
  ["that was told to finish", 0, left, true, 0],
  ["that died young for the first time", 1, died, false, 100],
  ["that lived for long before it died", 0, { ...served, livedMs: 60_000 }, false, 100],
  ["that died young for the fourth time", 4, died, false, 800],
  ["that dies and dies", 50, died, false, 30_000],
  ["that dies and dies, served, and has others beside it", 50, served, false, 30_000],
  ["that dies and dies, served, and was the last one", 50, served, true, 1_000],
  ["that dies and dies before it can serve, and is the last one", 50, died, true, 30_000],
] as const) {
  test(`D8: the successor of a child ${what} is started after ${expected} ms`, () => {
    assert.equal(restartWaitMs(deaths, end, isLast), expected);
  });
}

test("only deaths that were young and unasked count in a row", () => {
  assert.equal(deathsAfter(3, died), 4);
  assert.equal(deathsAfter(3, left), 0);
  assert.equal(deathsAfter(3, { ...served, livedMs: limits.restartForgetMs }), 0);
});
