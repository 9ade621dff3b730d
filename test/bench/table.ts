/** What was measured for one row: figures of each contender, one for each round. */
export interface Result {
  readonly row: string;
  readonly what: string;
  readonly unit: string;
  readonly goals: Readonly<Record<string, number>>;
  /** The most that we want of ourselves, in its unit. */
  readonly most?: number | undefined;
  readonly figures: Readonly<Record<string, readonly number[]>>;
}

const OURS = "Latchkey";

/** The table that people read, in Markdown: medians, and ours as a ratio to each peer beside its goal. */
export function describeResults(results: readonly Result[], machine: string, date: Date): string {
  const peers = [...new Set(results.flatMap(({ figures }) => Object.keys(figures)))].filter(
    (name) => name !== OURS,
  );
  const head = ["work", OURS, ...peers, "ratio or figure (goal)"];
  const lines = results.map(({ what, unit, figures, goals, most }) => {
    const ours = median(figures[OURS] ?? []);
    const ratios = peers
      .filter((peer) => figures[peer] !== undefined)
      .map((peer) => {
        const goal = goals[peer];
        const ratio = `${(ours / median(figures[peer] ?? [])).toFixed(2)} × ${peer}`;
        return goal === undefined ? ratio : `**${ratio}** (${goal})`;
      });
    if (most !== undefined) ratios.unshift(`**${ours.toFixed(1)}** (${most})`);
    const cells = [OURS, ...peers].map((name) => figures[name] && median(figures[name]).toFixed(1));
    return [`${what}, ${unit}`, ...cells.map((cell) => cell ?? "-"), ratios.join(", ")];
  });
  const table = [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`);
  return `${table.join("\n")}\n\n${date.toISOString().slice(0, 10)}, ${machine}\n`;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}
