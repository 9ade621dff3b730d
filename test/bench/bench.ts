/**
 * Latchkey beside every peer that is found on this machine, with the same backend, certificate and added
 * fields: `npm run bench -- [--only NAME,NAME] [--rounds N] [--seconds N] [--quick] [--write]`.
 * Prints a table of medians and ratios, and writes bench.json into the working folder; `--write` puts the table
 * into README.md beside this file, and some of its rows into the one of the project.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { without } from "../support/programs.ts";
import { bareNode } from "./contenders/bare-node.ts";
import { caddy } from "./contenders/caddy.ts";
import type { Contender, Setup } from "./contenders/contender.ts";
import { haproxy } from "./contenders/haproxy.ts";
import { latchkey } from "./contenders/latchkey.ts";
import { nginx } from "./contenders/nginx.ts";
import { describeRun, writePages } from "./page.ts";
import { type Line, type Row, type SoloRow, WARM_UP_TIMES } from "./row.ts";
import { busyManagerRow } from "./rows/busy-manager.ts";
import { flatRow } from "./rows/flat.ts";
import { gateRow, lookupRow } from "./rows/gate.ts";
import { handshakeRows } from "./rows/handshakes.ts";
import { heldRows } from "./rows/held.ts";
import { http1Rows } from "./rows/http1.ts";
import { http2Row } from "./rows/http2.ts";
import { idleRow } from "./rows/idle.ts";
import { latencyRow } from "./rows/latency.ts";
import { manyHostsRow } from "./rows/many-hosts.ts";
import { npmStartRow } from "./rows/npm-start.ts";
import { restartRow } from "./rows/restart.ts";
import { smallVpsRow } from "./rows/small-vps.ts";
import { swapsRow } from "./rows/swaps.ts";
import { timeToHttpsRow } from "./rows/time-to-https.ts";
import { secondWorkerRow, twoWorkersRow } from "./rows/two-workers.ts";
import { webSocketRow } from "./rows/websocket.ts";
import { Scene } from "./scene.ts";
import { describeBriefly, describeResults, median, type Result } from "./table.ts";

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
  secondWorkerRow,
  gateRow,
  lookupRow,
  ...heldRows,
  timeToHttpsRow,
  npmStartRow,
  restartRow,
  manyHostsRow,
  swapsRow,
  busyManagerRow,
  flatRow,
];
const NAMES = [...ROWS, ...SOLO_ROWS.flatMap(({ lines }) => lines)].map(({ name }) => name);
/** A look at whether it all works, under a minute: all with the contenders of one setup. */
const QUICK = ["small", "64k", "upload", "http2", "handshake", "websocket"];
/** Rows of the first page. */
const BRIEF = ["small", "upload", "http2", "handshake", "idle", "vps"];
const MAKERS = [latchkey, nginx, haproxy, caddy];

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
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
const isWanted = ({ name }: Line) => wanted?.includes(name) ?? true;
const isMeasured = ({ lines, isOnRequest }: SoloRow) =>
  lines.some(isWanted) && !(isOnRequest === true && wanted === undefined);
const rows = ROWS.filter(isWanted);

const makers = MAKERS.filter(({ needs }) => needs === undefined || without(needs) === false);
// Else the first start does it, and is measured for it.
spawnSync("sh", ["src/latchkey.sh", "--compile"], { stdio: "inherit" });
const results: Result[] = [];
if (rows.length > 0) {
  await using scene = await Scene.open();
  for (const [, sameSetup] of Map.groupBy(rows, ({ setup }) => JSON.stringify(setup))) {
    const [first] = sameSetup;
    if (first !== undefined) await measureAll(scene, first.setup, sameSetup);
  }
}
for (const row of SOLO_ROWS.filter(isMeasured)) {
  const missing = without(...(row.needs ?? []));
  if (missing === false) results.push(...(await measureAlone(row)));
  else process.stderr.write(`${row.lines[0]?.name} is left out: ${missing}\n`);
}
const order = ({ line }: Result) => NAMES.indexOf(line.name);
results.sort((a, b) => order(a) - order(b));
const { only, quick: isQuick } = values;
const run = { date: new Date(), rounds, seconds, only, isQuick, makers };
const description = `${describeRun(run)}\n`;
const page = `${describeResults(results)}\n${description}`;
process.stdout.write(page);
writeFileSync(
  "bench.json",
  `${JSON.stringify({ run: description.trimEnd(), results }, undefined, 2)}\n`,
);
if (values.write) writePages(page, `${describeBriefly(results, BRIEF)}\n${description}`);

/** Everything that is measured with the contenders in one setup. */
async function measureAll(scene: Scene, setup: Setup, sameSetup: readonly Row[]): Promise<void> {
  const lasting = sameSetup.filter(({ isFresh }) => isFresh !== true);
  const fresh = sameSetup.filter(({ isFresh }) => isFresh === true);
  for (const row of fresh) results.push(await compareFresh(row, scene));
  if (lasting.length === 0) return;
  const contenders: Contender[] = [];
  for (const maker of makers) contenders.push(await maker.start(scene, setup));
  if (lasting.some(hasFloor)) contenders.push(await bareNode.start(scene, setup));
  for (const row of lasting) {
    const compared = contenders.filter(({ name }) => name !== bareNode.name || hasFloor(row));
    results.push(await compare(row, scene, compared));
  }
  for (const { pid } of contenders) await scene.end(pid);
}

/**
 * In turns, so that what the machine does besides falls on all alike. The first round warms up, and counts for nobody:
 * ours is longer, since V8 has compiled a path only after some fifty thousand requests.
 */
async function compare(row: Row, scene: Scene, contenders: readonly Contender[]): Promise<Result> {
  const figures = new Map(contenders.map((each): [string, number[]] => [each.name, []]));
  for (let round = values.quick ? 1 : 0; round <= rounds; round += 1) {
    for (const contender of contenders) {
      const figure = await row.measure(contender, scene, lastsOf(row, round, contender));
      if (round > 0) figures.get(contender.name)?.push(figure);
    }
  }
  return told({ line: row, goals: row.goals, figures: Object.fromEntries(figures) });
}

/** How many seconds a round takes. What was compiled before it started needs no more than another one to warm up. */
function lastsOf({ warmUpTimes = WARM_UP_TIMES }: Row, round: number, { name }: Contender): number {
  const isCompiledLate = name === latchkey.name || name === bareNode.name;
  return round === 0 && isCompiledLate ? warmUpTimes * seconds : seconds;
}

function hasFloor(row: Row): boolean {
  return row.hasFloor === true;
}

/** The same with a program that has just started, each time. */
async function compareFresh(row: Row, scene: Scene): Promise<Result> {
  const figures = new Map(makers.map((each): [string, number[]] => [each.name, []]));
  const times = Math.min(rounds, row.rounds ?? rounds);
  for (let round = 1; round <= times; round += 1) {
    for (const maker of makers) {
      const contender = await maker.start(scene, row.setup);
      figures.get(maker.name)?.push(await row.measure(contender, scene, seconds));
      await scene.end(contender.pid);
    }
  }
  return told({ line: row, goals: row.goals, figures: Object.fromEntries(figures) });
}

async function measureAlone(row: SoloRow): Promise<Result[]> {
  const all: (readonly number[])[] = [];
  const times = Math.min(rounds, row.rounds ?? rounds);
  for (let round = 1; round <= times; round += 1) all.push(await row.measure(seconds));
  return row.lines.map((line, at) => {
    const figures = { [latchkey.name]: all.map((round) => round[at] ?? Number.NaN) };
    return told({ line, goals: {}, figures });
  });
}

/** Says what came of it, for who waits for the rest. */
function told(result: Result): Result {
  const medians = Object.entries(result.figures).map(
    ([who, all]) => `${who} ${median(all).toFixed(1)}`,
  );
  process.stderr.write(`${result.line.name}: ${medians.join(", ")}\n`);
  return result;
}
