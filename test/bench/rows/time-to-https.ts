import { CaWorld } from "../../support/ca-world.ts";
import { browse } from "../../support/visit.ts";
import type { SoloRow } from "../row.ts";

const HOST = "shop.example";

/** From nothing on disk: account, order, validation, certificate, and the visitor's verified answer. */
export const timeToHttpsRow: SoloRow = {
  lines: [
    {
      name: "first-https",
      what: "from an empty storage to the first verified answer, with Pebble",
      unit: "ms",
      most: 3_000,
    },
  ],
  needs: ["pebble", "pebble-challtestsrv"],
  measure: async () => {
    await using world = await CaWorld.start();
    const root = await world.pebble.roots();
    const startedAt = performance.now();
    await using latchkey = await world.start(`
workers: 1
acme: { issuers: [${world.issuer()}] }
hosts: { ${HOST}: { respond: ok } }`);
    await latchkey.event("certificate.swapped");
    await browse(world.httpsPort, HOST, root);
    return [performance.now() - startedAt];
  },
};
