import { isMapping } from "./document.ts";
import type { Path, Report } from "./faults.ts";
import { checkShape, type Output, type Schema, type ShapeIssue } from "./schema.ts";
import { unknownKey } from "./unknown-key.ts";

/** A mapping as far as it has the right shape. */
export interface Checked<Value> {
  /** Without the keys at fault; `undefined` when what is left has no right shape either. */
  readonly value: Value | undefined;
  /** The keys at fault, all of them reported. */
  readonly faulty: ReadonlySet<string>;
  /** Those among them of which nothing is left. */
  readonly gone: ReadonlySet<string>;
}

/**
 * Checks a value and reports what is wrong with it. What is wrong under one key of a mapping must
 * not hide what is wrong elsewhere: such keys are taken out, and the rest is read. Of the keys in `parted`, whose
 * values are mappings of things apart, only what is at fault is taken out.
 */
export function checkAndReport<Of extends Schema>(
  schema: Of,
  value: unknown,
  path: Path,
  report: Report,
  parted: readonly string[] = [],
): Checked<Output<Of>> {
  const shape = checkShape(schema, value);
  if (shape.ok) return { value: shape.value, faulty: new Set(), gone: new Set() };
  reportIssues(shape.issues, path, report);
  const places = shape.issues.flatMap(placesOf);
  const faulty = new Set(places.flatMap(([key]) => (key === undefined ? [] : [String(key)])));
  if (!isMapping(value) || faulty.size === 0) return { value: undefined, faulty, gone: faulty };
  for (const kept of [parted, []]) {
    const rest = sound(value, places, kept);
    const again = checkShape(schema, rest);
    const gone = new Set([...faulty].filter((key) => !Object.hasOwn(rest, key)));
    if (again.ok) return { value: again.value, faulty, gone };
  }
  return { value: undefined, faulty, gone: faulty };
}

/** A mapping without what is at fault: whole keys, or with those in `parted` the keys below them. */
function sound(value: object, places: readonly Path[], parted: readonly string[]): object {
  const rest = Object.entries(value).flatMap(([key, below]: [string, unknown]) => {
    const faults = places.filter(([first]) => first === key);
    if (faults.length === 0) return [[key, below] as const];
    if (!parted.includes(key) || !isMapping(below)) return [];
    const faultsBelow = new Set(faults.map(([, second]) => second));
    if (faultsBelow.has(undefined)) return [];
    const kept = Object.entries(below).filter(([name]) => !faultsBelow.has(name));
    return [[key, Object.fromEntries(kept)] as const];
  });
  return Object.fromEntries(rest);
}

/** Reports what is wrong with the shape of the value at `base`. */
function reportIssues(issues: readonly ShapeIssue[], base: Path, report: Report): void {
  for (const issue of issues) {
    const path = [...base, ...issue.path.map(stepOf)];
    switch (issue.code) {
      case "unrecognized_keys":
        for (const key of issue.keys ?? []) {
          report([...path, key], unknownKey(key, path, issue.message.split(" ")), "key");
        }
        break;
      case "invalid_union":
        reportUnion(issue, path, report);
        break;
      case "invalid_key":
        for (const { message } of issue.issues ?? []) report(path, message, "key");
        break;
      default:
        if (!isConsequence(issue, issues)) report(path, issue.message);
    }
  }
}

/** The forms of a union differ in type: when one of them fits, its faults are the ones to tell. */
function reportUnion(issue: ShapeIssue, path: Path, report: Report): void {
  const fitting = (issue.errors ?? []).filter(hasFittingType);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) reportIssues(only, path, report);
  else report(path, issue.message);
}

/** A mapping is not called incomplete beside a misspelt key that was to complete it. */
function isConsequence({ code, path }: ShapeIssue, issues: readonly ShapeIssue[]): boolean {
  const isHere = (other: ShapeIssue) => other.path.join("\0") === path.join("\0");
  return (
    code === "custom" && issues.some((other) => other.code === "unrecognized_keys" && isHere(other))
  );
}

/** Where the things are that an issue is about. */
function placesOf(issue: ShapeIssue): readonly Path[] {
  const path = issue.path.map(stepOf);
  if (issue.code === "unrecognized_keys") return (issue.keys ?? []).map((key) => [...path, key]);
  const fitting = (issue.errors ?? []).filter(hasFittingType).flat();
  if (issue.code !== "invalid_union" || fitting.length === 0) return [path];
  return fitting.flatMap(placesOf).map((below) => [...path, ...below]);
}

function hasFittingType(issues: readonly ShapeIssue[]): boolean {
  return !issues.some(
    ({ code, path }) => path.length === 0 && (code === "invalid_type" || code === "invalid_union"),
  );
}

function stepOf(step: PropertyKey): string | number {
  return typeof step === "number" ? step : String(step);
}
