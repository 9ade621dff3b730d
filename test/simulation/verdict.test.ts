import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Figures } from "./ledger.ts";
import { missesOf } from "./verdict.ts";

const run = promisify(execFile);

const good: Figures = {
  hosts: 50,
  certificates: 1_000,
  orders: 1_050,
  idealOrders: 1_000,
  expiredMinutes: 90,
  unexcusedMinutes: 0,
  lostCertificates: 0,
  failedAttempts: 60,
  episodes: 30,
  longestRecovery: 70,
  longestDnsRecovery: 11,
  outages: 14,
  outageHours: 156,
  partOutages: 20,
  requestsInOutages: 400,
  busiestOutageHour: 30,
  alertsBegun: 30,
  reminders: 2,
  alertsRecovered: 30,
  alertFaults: [],
};

test("figures at their bounds are as they have to be", () => {
  assert.deepEqual(missesOf(good), []);
});

const table: readonly (readonly [what: string, change: Partial<Figures>, says: RegExp])[] = [
  ["a minute expired without an excuse", { unexcusedMinutes: 1 }, /1 host-minutes expired/],
  ["a certificate lost", { lostCertificates: 1 }, /1 certificates lost/],
  ["an order too many", { orders: 1_051 }, /1051 orders/],
  ["an alert that is wrong", { alertFaults: ["told twice"] }, /1 alerts/],
  ["a minute longer after a mistake in DNS", { longestDnsRecovery: 12 }, /12 min/],
  ["a world without failures", { episodes: 0 }, /nothing failed/],
  ["failures that nobody hears of", { alertsBegun: 0 }, /nobody was told/],
];

for (const [what, change, says] of table) {
  test(`${what} is a miss, and the only one`, () => {
    const misses = missesOf({ ...good, ...change });
    assert.equal(misses.length, 1);
    assert.match(misses[0] ?? "", says);
  });
}

test("with --check a world in which nothing has happened yet is not taken for a good one", async () => {
  const program = join(import.meta.dirname, "simulate.ts");
  const args = [program, "--years", "0.0001", "--check"];
  const failure = { code: 1, stderr: /^MISSED: nothing failed/m };
  await assert.rejects(run(process.execPath, args), failure);
});
