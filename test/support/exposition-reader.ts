/** One line of numbers. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric as its text says it. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,?)/;
const NUMBER = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)$/i;
const PARTS_OF_HISTOGRAM = ["_bucket", "_sum", "_count"];

/**
 * Reads Prometheus' text format 0.0.4, stricter than it has to be read: each metric with HELP and TYPE first and in one
 * piece, no series twice, buckets growing and ending with +Inf, the last of them `_count`, counters never negative.
 *
 * @throws {Error} with the line, at whatever is not so.
 */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("The last line has no end");
  const families = new Map<string, Family & { samples: Sample[] }>();
  const seen = new Set<string>();
  const lines = text.slice(0, -1).split("\n");
  let current: (Family & { samples: Sample[] }) | undefined;
  for (const [at, line] of lines.entries()) {
    const fail = (why: string): never => {
      throw new Error(`Line ${at + 1}: ${why}: ${line}`);
    };
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    if (help !== null) {
      const [, name = "", words = ""] = help;
      const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[at + 1] ?? "");
      if (type?.[1] !== name) fail("no TYPE follows HELP");
      if (families.has(name)) fail("the metric came before");
      current = { name, help: words, type: type?.[2] ?? "", samples: [] };
      families.set(name, current);
    } else if (line.startsWith("#")) {
      if (line !== `# TYPE ${current?.name} ${current?.type}`) fail("a comment nobody reads");
      if (current?.samples.length !== 0) fail("TYPE comes after samples");
    } else {
      const sample = readSample(line, fail);
      if (current === undefined || !belongs(sample.name, current)) return fail("of no metric");
      if (seen.has(seriesOf(sample))) fail("the series came before");
      seen.add(seriesOf(sample));
      if (current.type === "counter" && !(sample.value >= 0)) fail("a counter below 0");
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) {
    if (family.samples.length === 0) throw new Error(`${family.name} has no samples`);
    if (family.type === "histogram") checkHistogram(family);
  }
  return families;
}

/** The value of one series of the whole answer; `undefined` when there is none. */
export function numberOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = seriesOf({ name, labels });
  for (const { samples } of families.values()) {
    const found = samples.find((sample) => seriesOf(sample) === wanted);
    if (found !== undefined) return found.value;
  }
  return undefined;
}

function readSample(line: string, fail: (why: string) => never): Sample {
  const name = NAME.exec(line)?.[0] ?? fail("no name");
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    let isLast = false;
    while (!isLast) {
      const [whole, label, value = "", comma] = LABEL.exec(rest) ?? fail("a broken label");
      if (label === undefined || label in labels) fail("a label twice");
      else labels[label] = value.replace(/\\(.)/g, (_, sign) => (sign === "n" ? "\n" : sign));
      rest = rest.slice(whole.length);
      isLast = comma === "";
    }
    if (!rest.startsWith("}")) fail("labels do not end");
    rest = rest.slice(1);
  }
  const number = rest.startsWith(" ") ? rest.slice(1) : fail("no space before the value");
  if (!NUMBER.test(number)) fail("no number");
  return { name, labels, value: Number(number.replace("Inf", "Infinity")) };
}

function belongs(name: string, { name: own, type }: Family): boolean {
  if (type !== "histogram") return name === own;
  return PARTS_OF_HISTOGRAM.some((part) => name === own + part);
}

function checkHistogram({ name, samples }: Family): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const groups = Map.groupBy(buckets, ({ labels: { le: _, ...others } }) =>
    seriesOf({ name, labels: others }),
  );
  if (groups.size === 0) throw new Error(`${name} has no buckets`);
  for (const group of groups.values()) {
    const bounds = group.map(({ labels }) => Number(labels["le"]?.replace("Inf", "Infinity")));
    const counts = group.map(({ value }) => value);
    if (!isGrowing(bounds) || !isGrowing(counts)) throw new Error(`${name}: buckets shrink`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name}: no +Inf`);
    const { le: _, ...labels } = group[0]?.labels ?? {};
    const count = samples.find(
      (sample) => seriesOf(sample) === seriesOf({ name: `${name}_count`, labels }),
    );
    if (count?.value !== counts.at(-1)) throw new Error(`${name}: its count is another`);
  }
}

function isGrowing(numbers: readonly number[]): boolean {
  return numbers.every((number, at) => at === 0 || number >= (numbers[at - 1] ?? 0));
}

function seriesOf({ name, labels }: Pick<Sample, "name" | "labels">): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted()]);
}
