import type { Line } from "./row.ts";

/** What was measured for one line: figures of each contender, one for each round. */
export interface Result {
  readonly line: Line;
  readonly goals: Readonly<Record<string, number>>;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

const OURS = "Latchkey";

/** The table that people read, in Markdown: medians, and ours as a ratio to each peer beside its goal. */
export function describeResults(results: readonly Result[]): string {
  const peers = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))].filter(
    (name) => name !== OURS,
  );
  const head = ["work", OURS, ...peers, "ratio or figure (goal)"];
  const rows = results.map((result) => {
    const { line, figures } = result;
    const cells = [OURS, ...peers].map((name) => figures[name] && figure(median(figures[name])));
    return [
      `${line.what}, ${line.unit}`,
      ...cells.map((cell) => cell ?? "-"),
      judged(result, peers, results),
    ];
  });
  return `${markdownOf([head, head.map(() => "---"), ...rows])}\n`;
}

/** The rows of these names alone, as medians: for who wants to know at a glance. */
export function describeBriefly(results: readonly Result[], names: readonly string[]): string {
  const shown = results.filter(({ line }) => names.includes(line.name));
  const [first] = shown;
  const who = Object.keys(first?.figures ?? {});
  const head = ["work", ...who];
  const rows = shown.map(({ line, figures }) => [
    `${line.what}, ${line.unit}`,
    ...who.map((name) => (figures[name] === undefined ? "-" : figure(median(figures[name])))),
  ]);
  return `${markdownOf([head, head.map(() => "---"), ...rows])}\n`;
}

function markdownOf(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Ours beside every goal that it has, the goals in bold. */
function judged(
  { line, goals, figures }: Result,
  peers: readonly string[],
  all: readonly Result[],
): string {
  const ours = median(figures[OURS] ?? []);
  const words: string[] = [];
  if (line.most !== undefined) words.push(`**${figure(ours)}** (≤ ${line.most})`);
  if (line.least !== undefined) words.push(`**${figure(ours)}** (≥ ${line.least})`);
  for (const peer of peers) {
    if (figures[peer] !== undefined)
      words.push(ratio(ours, median(figures[peer]), peer, goals[peer]));
  }
  const { beside } = line;
  const other = all.find((each) => each.line.name === beside?.row)?.figures[OURS];
  if (beside !== undefined && other !== undefined)
    words.push(ratio(ours, median(other), beside.as, beside.most));
  return words.join(", ");
}

function ratio(ours: number, theirs: number, name: string, goal: number | undefined): string {
  const words = `${(ours / theirs).toFixed(2)} × ${name}`;
  return goal === undefined ? words : `**${words}** (≤ ${goal})`;
}

function figure(value: number): string {
  return value.toFixed(1);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}
