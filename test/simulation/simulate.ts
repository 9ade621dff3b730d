import { parseArgs } from "node:util";
import { changeLimits } from "../../src/config/limits.ts";
import type { Figures } from "./ledger.ts";
import { missesOf } from "./verdict.ts";
import { World } from "./world.ts";

/**
 * Years of a machine with 50 hosts on a virtual clock: outages of the CA, reboots, mistakes in DNS, steps of
 * the clock. The real storage and certificate floor run in it, against an authority that speaks ACME.
 *
 * usage: npm run simulate -- [--years 3] [--seed 1] [--no-ari] [--json] [--watch] [--check]
 *
 * With --check it ends with 1 when a figure is not as it has to be, and says which.
 *
 * Time moves on when this process has nothing left to do, which Node.js tells by `beforeExit`: so nothing
 * here may hold the event loop open.
 */
const { values } = parseArgs({
  options: {
    years: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
    "no-ari": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    watch: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
});

// Years of looks every few seconds are many: seldom ones see the same, and no disk of this world fills up or is emptied.
changeLimits({
  alertCheckEveryMs: 300_000,
  storageCheckEveryMs: 86_400_000,
  deletionLookEveryMs: 86_400_000,
});

const startedAt = performance.now();
const world = await World.open({
  seed: Number(values.seed),
  years: Number(values.years),
  hasWindows: !values["no-ari"],
  watch: values.watch ? (line) => process.stderr.write(`${line}\n`) : () => {},
});

const move = (): void => {
  if (world.clock.advance(world.end)) {
    setImmediate(() => {}); // the process lives on, whatever the sleeper does
    return;
  }
  process.off("beforeExit", move);
  void world.close().then((figures) => {
    print(figures);
    if (values.check) judge(figures);
  });
};
process.on("beforeExit", move);

function print(figures: Figures): void {
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ ...figures, remarks: world.ledger.remarks })}\n`);
    return;
  }
  const { hosts, certificates, orders, idealOrders } = figures;
  const lines: readonly (readonly [string, string])[] = [
    ["simulated", `${values.years} years, ${hosts} hosts, seed ${values.seed}`],
    [
      "host-minutes expired",
      `${figures.expiredMinutes}, of which ${figures.unexcusedMinutes} not in trouble that outlasted the life left`,
    ],
    ["certificates", `${certificates}, ${figures.lostCertificates} lost`],
    ["orders", `${orders}, ${(orders / idealOrders).toFixed(3)} of the ideal ${idealOrders}`],
    ["failures", `${figures.failedAttempts} attempts in ${figures.episodes} episodes`],
    [
      "longest recovery",
      `${figures.longestRecovery} min, after a mistake in DNS ${figures.longestDnsRecovery} min`,
    ],
    [
      "outages of the CA",
      `${figures.outages}, ${figures.outageHours} h; ${figures.partOutages} of one endpoint`,
    ],
    [
      "requests in them",
      `${figures.requestsInOutages}, at most ${figures.busiestOutageHour} in an hour`,
    ],
    [
      "alerts",
      `${figures.alertsBegun} begun, ${figures.reminders} reminders, ${figures.alertsRecovered} recovered, ${figures.alertFaults.length} wrong`,
    ],
    ["took", `${Math.round((performance.now() - startedAt) / 1_000)} s`],
  ];
  for (const [name, value] of lines) process.stdout.write(`${name.padEnd(22)} ${value}\n`);
  for (const remark of [...world.ledger.remarks, ...figures.alertFaults])
    process.stdout.write(`  ${remark}\n`);
}

function judge(figures: Figures): void {
  const misses = missesOf(figures);
  for (const miss of misses) process.stderr.write(`MISSED: ${miss}\n`);
  process.exitCode = misses.length > 0 ? 1 : 0;
}
