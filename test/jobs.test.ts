import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "./support/folders.ts";
import { type Job, runJobs } from "./support/test-jobs.ts";

/** Runs these programs as jobs, and says how they went. */
function outcomeOf(jobs: readonly Job[], isFailedRunAgain = false) {
  return runJobs(jobs, {
    isFailedRunAgain,
    print: () => undefined,
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

test("what fails once and passes alone does not fail a run that asks again, and counts once", async () => {
  await using folder = await temporaryFolder();
  const program = join(folder.path, "once.cjs");
  await writeFile(
    program,
    `const { existsSync, writeFileSync } = require("node:fs");
     const isSecond = existsSync(__filename + ".ran");
     writeFileSync(__filename + ".ran", "");
     console.log("ℹ tests 2\\nℹ pass " + (isSecond ? 2 : 1));
     process.exitCode = isSecond ? 0 : 1;`,
  );
  const { isGood, summary } = await outcomeOf([[program]], true);
  assert.ok(isGood, summary);
  assert.match(summary, /^ℹ tests 2$/m);
  assert.match(summary, /^ℹ pass 2$/m);
});

test("what fails twice fails the run, also when it asks again", async () => {
  await using folder = await temporaryFolder();
  const program = join(folder.path, "fails.cjs");
  await writeFile(program, "process.exit(7);");
  const { isGood, summary } = await outcomeOf([[program]], true);
  assert.equal(isGood, false);
  assert.ok(summary.includes(`${program} ended with 7`), summary);
});

test("when more than three fail, none of them is asked again", async () => {
  await using folder = await temporaryFolder();
  const jobs = await Promise.all(
    [1, 2, 3, 4].map(async (at) => {
      const program = join(folder.path, `${at}.cjs`);
      await writeFile(program, "console.log('ℹ tests 1'); process.exit(7);");
      return [program];
    }),
  );
  const { isGood, summary } = await outcomeOf(jobs, true);
  assert.equal(isGood, false);
  assert.equal(summary.match(/ended with 7/g)?.length, 4);
});
