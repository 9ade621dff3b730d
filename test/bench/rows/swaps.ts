import { readFileSync } from "node:fs";
import { join } from "node:path";
import { askForHost } from "../../../src/admin/client.ts";
import { Latchkey, type LogLine } from "../../support/latchkey.ts";
import { startLoad } from "../../support/load.ts";
import type { SoloRow } from "../row.ts";
import { median } from "../table.ts";

const HOST = "shop.localhost";
/** Of one round. */
const SWAPS = 20;

/** Under handshakes one after another, of which none may fail. */
export const swapsRow: SoloRow = {
  name: "swaps",
  what: `from stored to served by both workers, ${SWAPS} swaps under load`,
  unit: "ms",
  most: 200,
  needs: [],
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
    const { failed } = await load.stop();
    if (failed.length > 0) throw new Error(`${failed.length} handshakes failed: ${failed[0]}`);
    const stored = timesOf(latchkey.lines, "certificate.stored");
    const swapped = timesOf(latchkey.lines, "certificate.swapped");
    return median(swapped.map((at, index) => at - (stored[index] ?? Number.NaN)));
  },
};

/** When each line of this event was written. */
function timesOf(lines: readonly LogLine[], wanted: string): number[] {
  return lines.flatMap(({ event, time }) => (event === wanted ? Date.parse(String(time)) : []));
}
