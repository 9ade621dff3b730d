import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askForHost } from "../../../src/admin/client.ts";
import { Latchkey, type LogLine } from "../../support/latchkey.ts";
import { startLoad } from "../../support/load.ts";
import type { SoloRow } from "../row.ts";

const HOST = "shop.localhost";
const SWAPS = 1_000;

/** Under handshakes one after another, of which none may fail. */
export const swapsRow: SoloRow = {
  lines: [
    {
      name: "swaps",
      what: `the slowest of ${SWAPS.toLocaleString("en")} swaps under load, from stored to served by both workers`,
      unit: "ms",
      most: 200,
    },
    {
      name: "swaps-failed",
      what: "handshakes that failed meanwhile",
      unit: "of a million",
      most: 0,
    },
  ],
  rounds: 1,
  measure: async () => {
    await using latchkey = await Latchkey.start({
      config: `workers: 2\nhosts: { ${HOST}: { respond: ok } }`,
    });
    await latchkey.event("certificate.swapped");
    const root = readFileSync(latchkey.root, "utf8");
    await using load = startLoad(latchkey.httpsPort, [HOST], root);
    const admin = join(latchkey.storage, "admin.sock");
    for (let swap = 0; swap < SWAPS; swap += 1) {
      const { outcome, detail } = await askForHost(
        admin,
        { host: HOST, action: "renew", reason: undefined },
        () => {},
      );
      if (outcome !== "done") throw new Error(`Cannot renew: ${detail}`);
    }
    const { count, failed } = await load.stop();
    const stored = timesOf(latchkey.lines, "certificate.stored");
    const swapped = timesOf(latchkey.lines, "certificate.swapped");
    const waits = swapped.map((at, index) => at - (stored[index] ?? Number.NaN));
    return [Math.max(...waits), (failed.length * 1_000_000) / count];
  },
};

/** When each line of this event was written. */
function timesOf(lines: readonly LogLine[], wanted: string): number[] {
  return lines.flatMap(({ event, time }) => (event === wanted ? Date.parse(String(time)) : []));
}
