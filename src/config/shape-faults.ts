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
}

/**
 * Checks a value and reports what is wrong with it. What is wrong under one key of a mapping must
 * not hide what is wrong elsewhere: such keys are taken out, and the rest is read.
 */
export function checkAndReport<Of extends Schema>(
  schema: Of,
  value: unknown,
  path: Path,
  report: Report,
): Checked<Output<Of>> {
  const shape = checkShape(schema, value);
  if (shape.ok) return { value: shape.value, faulty: new Set() };
  reportIssues(shape.issues, path, report);
  const faulty = new Set(shape.issues.flatMap(keysOf));
  if (!isMapping(value) || faulty.size === 0) return { value: undefined, faulty };
  const rest = Object.entries(value).filter(([key]) => !faulty.has(key));
  const again = checkShape(schema, Object.fromEntries(rest));
  return { value: again.ok ? again.value : undefined, faulty };
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

/** The keys of the outermost mapping that an issue is about. */
function keysOf(issue: ShapeIssue): readonly string[] {
  const [first] = issue.path;
  if (first !== undefined) return [String(first)];
  if (issue.code !== "invalid_union") return issue.keys ?? [];
  return (issue.errors ?? []).filter(hasFittingType).flat().flatMap(keysOf);
}

function hasFittingType(issues: readonly ShapeIssue[]): boolean {
  return !issues.some(
    ({ code, path }) => path.length === 0 && (code === "invalid_type" || code === "invalid_union"),
  );
}

function stepOf(step: PropertyKey): string | number {
  return typeof step === "number" ? step : String(step);
}
