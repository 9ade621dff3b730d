/**
 * What the hot pure functions cost, in nanoseconds for each call: `npm run bench:micro -- [WORD]`, of those whose
 * name has that word in it. A change shows its cost here in seconds; whether it shows outside tells `npm run bench`.
 */
import { admitCases } from "./micro/admit.ts";
import { countsCases } from "./micro/counts.ts";
import { headCases } from "./micro/head.ts";
import { helloCases } from "./micro/hello.ts";
import { logCases } from "./micro/log.ts";
import { nanosecondsOf } from "./micro/micro-case.ts";
import { routeCases } from "./micro/route.ts";
import { median } from "./table.ts";

const ROUNDS = 9;
const ROUND_MS = 40;
const WARM_UP_MS = 150;

const [word = ""] = process.argv.slice(2);
const all = [
  ...helloCases,
  ...headCases,
  ...admitCases,
  ...routeCases,
  ...countsCases,
  ...logCases,
];
const wanted = all.filter(({ name }) => name.includes(word));
if (wanted.length === 0) {
  process.stderr.write(
    `Cannot measure "${word}": known are ${all.map(({ name }) => name).join("; ")}\n`,
  );
  process.exit(2);
}
const width = Math.max(...wanted.map(({ name }) => name.length));

// All are warm before the first one counts: what a function costs shows when others have run through it too.
for (const each of wanted) nanosecondsOf(each, WARM_UP_MS);
const rounds = Array.from({ length: ROUNDS }, () =>
  wanted.map((each) => nanosecondsOf(each, ROUND_MS)),
);
for (const [at, { name }] of wanted.entries()) {
  const figures = rounds.map((round) => round[at] ?? Number.NaN);
  const [middle, least] = [median(figures), Math.min(...figures)].map((each) => each.toFixed(0));
  process.stdout.write(`${name.padEnd(width)} ${middle?.padStart(7)} ns (at best ${least})\n`);
}
