import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Figures } from "./ledger.ts";
import { missesOf } from "./verdict.ts";

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
    assert.deepEqual(missesOf(figures), []);
    assert.ok(figures.outageHours >= 72, "an outage of three days was among them");
    assert.ok(figures.partOutages >= 5, "each endpoint was out alone");
  });
}
