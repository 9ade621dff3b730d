import { readFileSync, writeFileSync } from "node:fs";
import { askMetrics } from "../../support/ask-metrics.ts";
import { Latchkey } from "../../support/latchkey.ts";
import { browse } from "../../support/visit.ts";
import type { SoloRow } from "../row.ts";

const VISITED = "a.localhost";
const MADE = Array.from({ length: 100 }, (_, index) => `h${index + 1}.localhost`);
const configOf = (...hosts: readonly string[]) => `
workers: 1
limits: { orderPaceMs: 0 }
hosts: { ${hosts.map((host) => `${host}: { respond: ok }`).join(", ")} }`;

/** Visits one after another, each on a connection of its own, while a reload has all others be ordered. */
export const busyManagerRow: SoloRow = {
  lines: [
    {
      name: "busy",
      what: `delay of a worker's event loop while ${MADE.length} keys are made and certificates arrive, 99th percentile`,
      unit: "ms",
      most: 10,
    },
    {
      name: "busy-visits",
      what: "99th percentile of visits meanwhile, each on a connection of its own",
      unit: "ms",
    },
  ],
  measure: async () => {
    await using latchkey = await Latchkey.start({ config: configOf(VISITED) });
    await latchkey.event("certificate.swapped");
    const root = readFileSync(latchkey.root, "utf8");
    const text = readFileSync(latchkey.file, "utf8");
    writeFileSync(latchkey.file, text.replace(configOf(VISITED), configOf(VISITED, ...MADE)));
    latchkey.process.kill("SIGHUP");
    await latchkey.event("config.reloaded");
    await loopDelayMs(latchkey); // is watched from the first question on
    const times: number[] = [];
    while (latchkey.count("certificate.swapped") <= MADE.length) {
      const startedAt = performance.now();
      await browse(latchkey.httpsPort, VISITED, root);
      times.push(performance.now() - startedAt);
    }
    times.sort((a, b) => a - b);
    return [await loopDelayMs(latchkey), times[Math.floor(times.length * 0.99)] ?? Number.NaN];
  },
};

/** Since it was asked last. */
async function loopDelayMs(latchkey: Latchkey): Promise<number> {
  const family = (await askMetrics(latchkey)).get("latchkey_event_loop_delay_p99_seconds");
  const worker = family?.samples.find(({ labels }) => labels["process"]?.startsWith("worker"));
  return (worker?.value ?? Number.NaN) * 1_000;
}
