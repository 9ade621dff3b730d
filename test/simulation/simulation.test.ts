import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Figures } from "./ledger.ts";

const run = promisify(execFile);

/** The command as a person runs it, for a shorter time. */
async function simulate(...options: readonly string[]): Promise<Figures> {
  const program = join(import.meta.dirname, "simulate.ts");
  const { stdout } = await run(process.execPath, [program, "--json", ...options]);
  return JSON.parse(stdout);
}

/** On a machine that does much else. */
const timeout = 600_000;

// Both at once, one on each processor.
const worlds = [
  { ca: "that says when to renew", figures: simulate("--seed", "3", "--years", "0.25") },
  {
    ca: "that does not say when to renew",
    figures: simulate("--seed", "2", "--years", "0.3", "--no-ari"),
  },
];

for (const { ca, figures: running } of worlds) {
  test(`C17: months with a CA ${ca}, with outages, reboots, mistakes in DNS and a wrong clock, leave no host without a certificate, and each failure is told once`, {
    timeout,
  }, async () => {
    const figures = await running;
    assert.equal(figures.expiredMinutes, figures.excusedMinutes, "host-minutes expired");
    assert.equal(figures.lostCertificates, 0, "certificates lost in reboots");
    const { orders, idealOrders } = figures;
    assert.ok(orders <= 1.05 * idealOrders, `${orders} orders, ideal were ${idealOrders}`);
    assert.ok(figures.outageHours >= 72, "an outage of three days was among them");
    assert.ok(figures.partOutages >= 5, "each endpoint was out alone");
    assert.ok(figures.episodes > 0, "there was something to fail at");
    assert.deepEqual(figures.alertFaults, [], "told once when it began, once when it was over");
    assert.ok(figures.alertsBegun > 0 && figures.alertsRecovered > 0, "somebody was told");
    assert.ok(figures.longestDnsRecovery <= 11, "a mistake in DNS is found mended in 11 min");
  });
}
