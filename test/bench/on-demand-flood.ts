/**
 * Floods the running program with names that nobody has, and prints what that costs:
 * `node test/bench/on-demand-flood.ts [NAMES] [ROUNDS]`.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { flood, privateMiB } from "../support/flood.ts";
import { Latchkey } from "../support/latchkey.ts";
import { listenAnywhere } from "../support/tls-door.ts";

/** The children of a process, by its pid. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(/\s+/).map(Number);
}

const [names = 10_000, rounds = 3] = process.argv.slice(2).map(Number);
/** As many as a small botnet: each brings its own budget of names. */
const clients = Array.from({ length: 200 }, (_, index) => `127.0.1.${index + 1}`);

let questions = 0;
const asked = new Set<string>();
const service = createServer(({ url = "" }, response) => {
  questions += 1;
  asked.add(url);
  response.writeHead(404).end();
});
const port = await listenAnywhere(service);
await using latchkey = await Latchkey.start({
  config: `
workers: 2
onDemand: { ask: "http://127.0.0.1:${port}/allowed" }
hosts: { "*.shop.localhost": { respond: shop }, "*": { respond: any, issuer: internal } }`,
});

await report("before", 0);
for (let round = 1; round <= rounds; round += 1) {
  const startedAt = performance.now();
  const made = Array.from({ length: names }, (_, index) =>
    index % 2 === 0 ? `n${index}-${round}.shop.localhost` : `n${index}-${round}.test`,
  );
  const alerts = await flood({ port: latchkey.httpsPort, names: made, clients });
  await report(`round ${round}: ${JSON.stringify(alerts)}`, performance.now() - startedAt);
}
service.close();

async function report(what: string, ms: number): Promise<void> {
  const { workers, hosts, pid } = await latchkey.status();
  const children = await childrenOf(pid);
  const manager = children.find((child) => workers.every((worker) => worker.pid !== child));
  const memory = await Promise.all(
    [manager ?? 0, ...workers.map((worker) => worker.pid)].map(privateMiB),
  );
  process.stdout.write(
    [
      `${what} in ${(ms / 1_000).toFixed(1)} s`,
      `orders ${latchkey.count("order.started")}`,
      `questions ${questions} about ${asked.size} names`,
      `rows ${hosts.length}`,
      `MiB of manager and workers: ${memory.map((each) => each.toFixed(1)).join(" ")}`,
      "",
    ].join("\n  "),
  );
}
