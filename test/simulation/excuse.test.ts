import assert from "node:assert/strict";
import { test } from "node:test";
import { excusedMs, type Lapse, RECOVERY_MS, type Trouble } from "./excuse.ts";

const HOUR = 3_600_000;
/** Due in hour 80 at the latest, good until hour 160, renewed in hour 170. */
const lapse: Lapse = { dueBy: 80 * HOUR, notAfter: 160 * HOUR, until: 170 * HOUR };
const trouble = (from: number, to: number): Trouble => ({ from: from * HOUR, to: to * HOUR });
const RECOVERY = RECOVERY_MS / HOUR;

/** Troubles, and how many hours of the lapse they excuse. */
const table: readonly (readonly [what: string, troubles: readonly Trouble[], excused: number])[] = [
  ["nothing went wrong", [], 0],
  ["an outage from before it was due until it was renewed", [trouble(79, 170)], 10],
  ["an outage that ended before, with time to recover", [trouble(79, 165)], 5 + RECOVERY],
  ["an outage that left time to renew", [trouble(79, 158)], 0],
  ["an outage around the expiry, long after it was due", [trouble(159, 170)], 0],
  ["an outage that began an hour after it was due", [trouble(81, 170)], 0],
  ["two outages in a row", [trouble(120, 170), trouble(79, 120)], 10],
  ["two outages with a minute between them", [trouble(79, 120 - 1 / 60), trouble(120, 170)], 0],
  ["an outage that ended half an hour before the expiry", [trouble(79, 159.5)], 0],
  ["an outage that ended with the life", [trouble(79, 160)], RECOVERY],
  ["two outages before and after it was due, with a gap", [trouble(70, 79), trouble(81, 170)], 0],
  ["an outage long ago, and one around the expiry", [trouble(1, 2), trouble(159, 170)], 0],
  ["an outage that goes on", [{ from: 0, to: Number.POSITIVE_INFINITY }], 10],
];

for (const [what, troubles, excused] of table) {
  test(`when ${what}: ${excused.toFixed(1)} of 10 hours without a certificate are excused`, () => {
    assert.equal(excusedMs(troubles, lapse) / HOUR, excused);
  });
}
