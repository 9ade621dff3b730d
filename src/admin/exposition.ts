import { setImmediate } from "node:timers/promises";
import { METRICS, type Metric, type MetricName } from "./metrics.ts";

/** One number of a metric, or the numbers of a histogram, and the values of its labels in their order. */
export interface Row {
  readonly labels: readonly string[];
  readonly value: number | Distribution;
}

/** What a histogram has counted. */
export interface Distribution {
  /** Upper bounds (inclusive), growing, without the last one, which is infinite. */
  readonly bounds: readonly number[];
  /** How much came into each bucket, and no lower one; one more than there are bounds. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** The rows of one metric. */
export interface Table {
  readonly name: MetricName;
  readonly rows: Iterable<Row>;
}

/** A number with the values of its labels. */
export function row(value: number, ...labels: readonly string[]): Row {
  return { labels, value };
}

/** `Content-Type` of {@link writeExposition}. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** So many lines are written in a few milliseconds; then everybody else has a turn. */
const LINES_AT_ONCE = 2_000;

/**
 * What Prometheus reads: its text format 0.0.4. A metric without rows is left out, and so is a row with the
 * labels of one before it. Thousands of rows do not hold up the process: they are written piece by piece.
 */
export async function writeExposition(tables: Iterable<Table>): Promise<string> {
  const pieces: string[] = [];
  let lines: string[] = [];
  for (const line of linesOf(tables)) {
    lines.push(line);
    if (lines.length < LINES_AT_ONCE) continue;
    pieces.push(lines.join(""));
    lines = [];
    await setImmediate();
  }
  return pieces.join("") + lines.join("");
}

function* linesOf(tables: Iterable<Table>): Generator<string> {
  for (const { name, rows } of tables) {
    const metric: Metric = METRICS[name];
    const written = new Set<string>();
    for (const { labels, value } of rows) {
      if (written.size === 0)
        yield `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.type}\n`;
      const pairs = metric.labels.map((label, at) => `${label}="${escaped(labels[at] ?? "")}"`);
      // Two entries of a path may lead to one backend; Prometheus refuses everything when a series comes twice.
      const series = braced(pairs);
      if (written.has(series)) continue;
      written.add(series);
      if (typeof value === "number") yield `${name}${series} ${numberText(value)}\n`;
      else yield* bucketLines(name, pairs, value);
    }
  }
}

/** Buckets as the format has them: each with all that lower ones have. */
function* bucketLines(
  name: string,
  pairs: readonly string[],
  { bounds, counts, sum }: Distribution,
): Generator<string> {
  let count = 0;
  for (const [at, bound] of [...bounds, Number.POSITIVE_INFINITY].entries()) {
    count += counts[at] ?? 0;
    yield `${name}_bucket${braced([...pairs, `le="${numberText(bound)}"`])} ${count}\n`;
  }
  yield `${name}_sum${braced(pairs)} ${numberText(sum)}\n`;
  yield `${name}_count${braced(pairs)} ${count}\n`;
}

function braced(pairs: readonly string[]): string {
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? "+Inf" : String(value);
}
