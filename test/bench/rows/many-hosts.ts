import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificate } from "../../support/certificates.ts";
import { temporaryFolder } from "../../support/folders.ts";
import { Latchkey } from "../../support/latchkey.ts";
import { handshake } from "../../support/visit.ts";
import { memoryOf } from "../process-tree.ts";
import type { SoloRow } from "../row.ts";
import { median } from "../table.ts";

const COUNT = 10_000;
const VISITED = 200;
const KIB = 1_024;
const hosts = Array.from({ length: COUNT }, (_, index) => `h${index}.shop.example`);

/** The program with so many hosts, all under one certificate given by hand, and how long its start took. */
async function withManyHosts<T>(
  look: (latchkey: Latchkey, root: string, startMs: number) => Promise<T> | T,
): Promise<T> {
  await using folder = await temporaryFolder();
  const { chain, key } = makeCertificate({ names: ["*.shop.example"] });
  const [chainFile, keyFile] = [join(folder.path, "chain.pem"), join(folder.path, "key.pem")];
  writeFileSync(chainFile, chain);
  writeFileSync(keyFile, key, { mode: 0o600 });
  const rest = `{ respond: ok, certificate: { chain: ${chainFile}, key: ${keyFile} } }`;
  const entries = hosts.map((host) => `  ${host}: ${rest}`).join("\n");
  const startedAt = performance.now();
  await using latchkey = await Latchkey.start({ config: `workers: 1\nhosts:\n${entries}` });
  return await look(latchkey, chain, performance.now() - startedAt);
}

const what = `${COUNT.toLocaleString("en")} hosts`;
const needs: readonly string[] = [];

export const manyHostsRows: readonly SoloRow[] = [
  {
    ...{ name: "start-10k", what: `${what}: start`, unit: "ms", most: 5_000, needs },
    measure: () => withManyHosts((_latchkey, _root, startMs) => startMs),
  },
  {
    ...{ name: "live-10k", what: `${what}: a certificate that is live`, unit: "KiB (PSS)" },
    ...{ most: 60, needs },
    measure: () =>
      withManyHosts(async ({ httpsPort, process: { pid = 0 } }, root) => {
        const visit = async (from: number, to: number) => {
          for (const host of hosts.slice(from, to)) await handshake(httpsPort, host, root);
        };
        await visit(0, VISITED); // what is made once is there by then
        const before = memoryOf(pid);
        await visit(VISITED, 2 * VISITED);
        return (memoryOf(pid) - before) / KIB / VISITED;
      }),
  },
  {
    ...{ name: "cold-10k", what: `${what}: first handshake of a host over its second` },
    ...{ unit: "ms", most: 10, needs },
    measure: () =>
      withManyHosts(async ({ httpsPort }, root) => {
        const differences: number[] = [];
        for (const host of hosts.slice(0, VISITED)) {
          const cold = await timeOf(() => handshake(httpsPort, host, root));
          differences.push(cold - (await timeOf(() => handshake(httpsPort, host, root))));
        }
        return median(differences);
      }),
  },
];

async function timeOf(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}
