import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "./support/folders.ts";
import { type Job, runJobs } from "./support/test-jobs.ts";

/** Runs these programs as jobs, and says how they went. */
function outcomeOf(jobs: readonly Job[]) {
  return runJobs(jobs, {
    command: { program: process.execPath, args: [], env: {} },
    atOnce: 2,
    deadlineMs: 1_000,
    signal: new AbortController().signal,
  });
}

test("a job that does not end is stopped at its deadline and told by its name, and the others count", async () => {
  await using folder = await temporaryFolder();
  const [hangs, ends] = [join(folder.path, "hangs.cjs"), join(folder.path, "ends.cjs")];
  await writeFile(hangs, "setInterval(() => {}, 60_000);");
  await writeFile(ends, `console.log("ℹ tests 2\\nℹ pass 2");`);
  const { isGood, summary } = await outcomeOf([[hangs], [ends]]);
  assert.equal(isGood, false);
  assert.ok(summary.includes(`${hangs} took more than 1 s: stopped`), summary);
  assert.match(summary, /^ℹ tests 2$/m);
});

test("a job that ends with another code than 0 and tells no failure fails the run by its name", async () => {
  await using folder = await temporaryFolder();
  const [one, other] = [join(folder.path, "one.cjs"), join(folder.path, "other.cjs")];
  await writeFile(one, "process.exit(7);");
  const { isGood, summary } = await outcomeOf([[one, other]]);
  assert.equal(isGood, false);
  assert.ok(summary.includes(`${folder.path} (2 files) ended with 7`), summary);
});
