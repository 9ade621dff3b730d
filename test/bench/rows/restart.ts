import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../../support/folders.ts";
import { Latchkey } from "../../support/latchkey.ts";
import { browse } from "../../support/visit.ts";
import type { SoloRow } from "../row.ts";

const HOSTS = Array.from({ length: 100 }, (_, index) => `h${index + 1}.localhost`);
const config = `
workers: 1
limits: { orderPaceMs: 0 }
hosts: { ${HOSTS.map((host) => `${host}: { respond: ok }`).join(", ")} }`;

/** From the command to verified answers of the first and the last host, which storage holds. */
export const restartRow: SoloRow = {
  lines: [
    {
      name: "restart",
      what: `restart with ${HOSTS.length} stored hosts, to verified answers`,
      unit: "ms",
      most: 1_500,
    },
  ],
  measure: async () => {
    await using folder = await temporaryFolder();
    const storage = join(folder.path, "storage");
    const root = await fill(storage);
    const startedAt = performance.now();
    await using latchkey = await Latchkey.start({ config, storage });
    for (const host of [HOSTS[0], HOSTS.at(-1)]) await browse(latchkey.httpsPort, host ?? "", root);
    const took = performance.now() - startedAt;
    if (latchkey.count("order.started") > 0) throw new Error("Cannot measure: it ordered again");
    return [took];
  },
};

/** A storage with a certificate of each host; the root that they are verified by. */
async function fill(storage: string): Promise<string> {
  await using latchkey = await Latchkey.start({ config, storage });
  for (const wanted of HOSTS)
    await latchkey.event("certificate.swapped", ({ host }) => host === wanted);
  const root = readFileSync(latchkey.root, "utf8");
  await latchkey.stop();
  return root;
}
