import assert from "node:assert/strict";
import { test } from "node:test";
import type { Strain } from "../../src/process/messages.ts";
import { StrainNews } from "../../src/process/strain.ts";
import { StrainReport } from "../../src/process/strain-report.ts";

const WELL: Strain = { refusing: undefined, accessLog: undefined };
const FULL: Strain = { refusing: "16 of 16 connections", accessLog: undefined };
const nothing = { troubles: [], isUndecided: () => false };

test("a worker tells what it cannot do when that changes, and again to a manager that has not heard it", () => {
  const told: Strain[] = [];
  const news = new StrainNews((strain) => told.push(strain));
  news.change({ refusing: undefined });
  assert.deepEqual(told, []);
  news.change({ refusing: "16 of 16 connections" });
  news.change({ refusing: "16 of 16 connections" });
  news.repeat();
  news.change({ refusing: undefined });
  assert.deepEqual(told, [FULL, FULL, WELL]);
});

test("a worker that refuses newcomers, or whose access log takes no lines, is a trouble until it says otherwise or is gone", () => {
  const report = new StrainReport();
  const seen = () =>
    report.addTo(nothing).troubles.map(({ kind, severity, detail }) => [kind, severity, detail]);
  report.changed([{ index: 1 }, { index: 2 }]);
  report.hear(1, FULL);
  report.hear(2, { refusing: undefined, accessLog: "ENOSPC" });
  assert.deepEqual(seen(), [
    ["overload.refusing", "critical", "worker 1: 16 of 16 connections"],
    ["log.failing", "warning", "worker 2: ENOSPC"],
  ]);
  report.hear(1, WELL);
  assert.deepEqual(seen(), [["log.failing", "warning", "worker 2: ENOSPC"]]);
  report.changed([{ index: 1 }]);
  report.hear(2, FULL); // its last words come late
  assert.deepEqual(seen(), []);
});

test("what was told of strain before this manager is not over until every worker has spoken", () => {
  const report = new StrainReport();
  const undecided = (key: string) => report.addTo(nothing).isUndecided(key);
  assert.equal(undecided("log.failing"), true);
  assert.equal(undecided("storage.deleted"), false);
  report.changed([{ index: 1 }, { index: 2 }]);
  report.hear(1, WELL);
  assert.equal(undecided("overload.refusing"), true);
  report.hear(2, WELL);
  assert.deepEqual([undecided("overload.refusing"), undecided("log.failing")], [false, false]);
});
