import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultyConfig } from "../../src/config/faults.ts";
import { limits } from "../../src/config/limits.ts";
import { planFleet } from "../../src/process/plan-fleet.ts";
import { RejectionReport, rejectionOf } from "../../src/process/rejection-report.ts";
import { configOf } from "../support/config-text.ts";

const FILE = "/etc/latchkey/latchkey.yaml";
const nothing = { troubles: [], isUndecided: () => false };
const faultAt = (line: number, message = "is unknown") => ({
  ...{ file: FILE, line, column: 3, path: "hosts", message },
});

test("a configuration that was rejected is a trouble from the first reload that says so, with the fault of the last", () => {
  const report = new RejectionReport(FILE, undefined);
  assert.deepEqual([report.isRejected, report.addTo(nothing).troubles], [false, []]);
  report.hear("the first fault");
  report.hear("another fault");
  const [trouble, ...others] = report.addTo(nothing).troubles;
  assert.deepEqual([report.isRejected, others], [true, []]);
  assert.deepEqual(
    [trouble?.kind, trouble?.host, trouble?.severity, trouble?.detail],
    ["config.rejected", undefined, "warning", "another fault"],
  );
  assert.ok(trouble?.message.includes(FILE));
  assert.ok(trouble?.hint.includes(`latchkey check --config ${FILE}`));
});

test("a rejection of before this process is told by it, too, and one that it was not told of is over", () => {
  const before = new RejectionReport(FILE, "a fault");
  assert.deepEqual(
    before.addTo(nothing).troubles.map(({ detail }) => detail),
    ["a fault"],
  );
  const { troubles, isUndecided } = new RejectionReport(FILE, undefined).addTo(nothing);
  assert.deepEqual([troubles, isUndecided("config.rejected")], [[], false]);
});

test("a manager that is started after a rejection is told of it, whenever its fleet was planned", () => {
  const history = { startedAt: 0, configuredAt: 0, rejection: undefined as string | undefined };
  const { manager } = planFleet({
    config: configOf("hosts: { shop.example: 3001 }"),
    listeners: { https: [], http: [], unbound: [] },
    ...{ accessFd: undefined, history, compiledCode: () => undefined },
  });
  assert.equal(manager(1, []).configure.rejection, undefined);
  history.rejection = "a fault";
  assert.equal(manager(2, []).configure.rejection, "a fault");
  history.rejection = undefined;
  assert.equal(manager(3, []).configure.rejection, undefined);
});

test("of several faults the first one is told with its place, and how many others there are", () => {
  const first = `${FILE}:4:3: hosts: is unknown`;
  const rejection = (...lines: readonly number[]) =>
    rejectionOf(
      new FaultyConfig(
        FILE,
        lines.map((line) => faultAt(line)),
      ),
    );
  assert.equal(rejection(4), first);
  assert.equal(rejection(4, 7), `${first} (and 1 more)`);
  assert.equal(rejection(4, 7, 9), `${first} (and 2 more)`);
});

test("what is no fault of the file is told in its own words", () => {
  assert.equal(rejectionOf(new Error("Cannot open the access log")), "Cannot open the access log");
});

test("a long fault is cut, between two characters", () => {
  const max = limits.rejectionMaxCharacters;
  const rejection = rejectionOf(new FaultyConfig(FILE, [faultAt(4, "😀".repeat(max))]));
  assert.ok(rejection.length <= max && rejection.endsWith("…"));
  assert.ok(rejection.isWellFormed());
});
