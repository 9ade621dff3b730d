/**
 * Latchkey beside every peer that is found on this machine, with the same backend, certificate and added
 * fields: `npm run bench -- [--only NAME,NAME] [--rounds N] [--seconds N] [--quick]`.
 * Prints a table of medians and ratios, and writes bench.json into the working folder.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { without } from "../support/programs.ts";
import { caddy } from "./contenders/caddy.ts";
import type { Contender, Setup } from "./contenders/contender.ts";
import { haproxy } from "./contenders/haproxy.ts";
import { latchkey } from "./contenders/latchkey.ts";
import { nginx } from "./contenders/nginx.ts";
import type { Row, SoloRow } from "./row.ts";
import { busyManagerRow } from "./rows/busy-manager.ts";
import { handshakeRows } from "./rows/handshakes.ts";
import { http1Rows } from "./rows/http1.ts";
import { http2Row } from "./rows/http2.ts";
import { idleRow } from "./rows/idle.ts";
import { latencyRow } from "./rows/latency.ts";
import { manyHostsRows } from "./rows/many-hosts.ts";
import { restartRow } from "./rows/restart.ts";
import { smallVpsRow } from "./rows/small-vps.ts";
import { swapsRow } from "./rows/swaps.ts";
import { timeToHttpsRow } from "./rows/time-to-https.ts";
import { twoWorkersRow } from "./rows/two-workers.ts";
import { webSocketRow } from "./rows/websocket.ts";
import { Scene } from "./scene.ts";
import { describeResults, median, type Result } from "./table.ts";

const ROWS: readonly Row[] = [
  ...http1Rows,
  http2Row,
  ...handshakeRows,
  webSocketRow,
  latencyRow,
  idleRow,
  twoWorkersRow,
  smallVpsRow,
];
const SOLO_ROWS: readonly SoloRow[] = [
  timeToHttpsRow,
  restartRow,
  ...manyHostsRows,
  swapsRow,
  busyManagerRow,
];
const NAMES = [...ROWS, ...SOLO_ROWS].map(({ name }) => name);
/** A look at whether it all works, under a minute: all with the contenders of one setup. */
const QUICK = ["small", "64k", "upload", "http2", "handshake", "websocket"];
const MAKERS = [latchkey, nginx, haproxy, caddy];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 1 : 4));
const wanted = values.only?.split(",") ?? (values.quick ? QUICK : undefined);
const unknown = wanted?.filter((name) => !NAMES.includes(name)) ?? [];
if (unknown.length > 0) {
  process.stderr.write(`Cannot measure ${unknown.join(", ")}: known are ${NAMES.join(", ")}\n`);
  process.exit(2);
}
const isWanted = ({ name }: { readonly name: string }) => wanted?.includes(name) ?? true;
const rows = ROWS.filter(isWanted);

const makers = MAKERS.filter(({ needs }) => needs === undefined || without(needs) === false);
await using scene = await Scene.open();
const results: Result[] = [];
for (const [, sameSetup] of Map.groupBy(rows, ({ setup }) => JSON.stringify(setup))) {
  const [first] = sameSetup;
  if (first !== undefined) await measureAll(first.setup, sameSetup);
}
for (const row of SOLO_ROWS.filter(isWanted)) {
  const missing = without(...row.needs);
  if (missing === false) results.push(await measureAlone(row));
  else process.stderr.write(`${row.name} is left out: ${missing}\n`);
}
const order = (result: Result) => NAMES.indexOf(result.row);
results.sort((a, b) => order(a) - order(b));
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}`;
process.stdout.write(describeResults(results, machine, new Date()));
writeFileSync(
  "bench.json",
  `${JSON.stringify({ date: new Date().toISOString(), machine, rounds, seconds, results }, null, 2)}\n`,
);

/** Everything that is measured with the contenders as they are set up now. */
async function measureAll(setup: Setup, sameSetup: readonly Row[]): Promise<void> {
  const contenders: Contender[] = [];
  for (const maker of makers) contenders.push(await maker.start(scene, setup));
  for (const row of sameSetup) results.push(await compare(row, contenders));
  for (const { pid } of contenders) await scene.end(pid);
}

/** In turns, so that what the machine does besides falls on all alike. The first round warms up, and counts for nobody. */
async function compare(row: Row, contenders: readonly Contender[]): Promise<Result> {
  const figures = new Map(contenders.map((each): [string, number[]] => [each.name, []]));
  for (let round = values.quick ? 1 : 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const figure = await row.measure(contender, scene, seconds);
      if (round > 0) figures.get(contender.name)?.push(figure);
    }
  }
  const { name, what, unit, goals, most } = row;
  process.stderr.write(
    `${name}: ${[...figures].map(([who, all]) => `${who} ${median(all).toFixed(1)}`).join(", ")}\n`,
  );
  return { row: name, what, unit, goals, most, figures: Object.fromEntries(figures) };
}

async function measureAlone({ name, what, unit, most, measure }: SoloRow): Promise<Result> {
  const figures: number[] = [];
  for (let round = 1; round <= rounds; round += 1) figures.push(await measure());
  process.stderr.write(`${name}: ${median(figures).toFixed(1)}\n`);
  return { row: name, what, unit, goals: {}, most, figures: { [latchkey.name]: figures } };
}
