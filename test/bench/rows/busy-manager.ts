import { readFileSync, writeFileSync } from "node:fs";
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
      what: `99th percentile of visits while ${MADE.length} keys are made and certificates arrive`,
      unit: "ms",
      most: 10,
    },
  ],
  measure: async () => {
    await using latchkey = await Latchkey.start({ config: configOf(VISITED) });
    await latchkey.event("certificate.swapped");
    const root = readFileSync(latchkey.root, "utf8");
    const text = readFileSync(latchkey.file, "utf8");
    writeFileSync(latchkey.file, text.replace(configOf(VISITED), configOf(VISITED, ...MADE)));
    latchkey.process.kill("SIGHUP");
    const times: number[] = [];
    while (latchkey.count("certificate.swapped") <= MADE.length) {
      const startedAt = performance.now();
      await browse(latchkey.httpsPort, VISITED, root);
      times.push(performance.now() - startedAt);
    }
    times.sort((a, b) => a - b);
    return [times[Math.floor(times.length * 0.99)] ?? Number.NaN];
  },
};
