import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { makeAuthority, makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { Latchkey } from "../../support/latchkey.ts";
import { storeHosts } from "../../support/stored-hosts.ts";
import { handshake } from "../../support/visit.ts";
import { memoryOf } from "../process-tree.ts";
import type { SoloRow } from "../row.ts";
import { median } from "../table.ts";

const COUNT = 10_000;
const VISITED = 500;
const KIB = 1_024;
/** What the handshakes have left behind has gone by then, as far as it goes by itself. */
const REST_MS = 10_000;
const hosts = Array.from({ length: COUNT }, (_, index) => `h${index}.many.localhost`);
const config = `workers: 1\nhosts:\n${hosts.map((host) => `  ${host}: { respond: ok }\n`).join("")}`;
const what = `${COUNT.toLocaleString("en")} hosts, each with a certificate in storage`;

/** Nothing is due, and every certificate is another one. */
export const manyHostsRow: SoloRow = {
  lines: [
    { name: "start-10k", what: `${what}: start`, unit: "ms", most: 5_000 },
    {
      ...{ name: "cold-10k", what: `${what}: first handshake of a host over its second` },
      ...{ unit: "ms", most: 10 },
    },
    { name: "live-10k", what: `${what}: one that is live`, unit: "KiB (PSS)", most: 60 },
  ],
  rounds: 2,
  measure: async () => {
    await using folder = await temporaryFolder();
    const storage = join(folder.path, "storage");
    const issuer = makeAuthority();
    await storeHosts(storage, hosts, (host) => makeCertificate({ names: [host], issuer }));
    const startedAt = performance.now();
    await using latchkey = await Latchkey.start({ config, storage });
    const startMs = performance.now() - startedAt;
    const shake = (host: string) => handshake(latchkey.httpsPort, host, issuer.certificate);

    const differences: number[] = [];
    for (const host of hosts.slice(0, VISITED)) {
      const cold = await timeOf(() => shake(host));
      differences.push(cold - (await timeOf(() => shake(host))));
    }
    const before = await restingMemory(latchkey); // what is made once is there by now
    for (const host of hosts.slice(VISITED, 2 * VISITED)) await shake(host);
    const grown = (await restingMemory(latchkey)) - before;
    if (latchkey.count("order.started") > 0) throw new Error("Cannot measure: it ordered again");
    return [startMs, median(differences), grown / KIB / VISITED];
  },
};

async function restingMemory({ process: { pid = 0 } }: Latchkey): Promise<number> {
  await delay(REST_MS);
  return memoryOf(pid);
}

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}
