import { z } from "zod";
import { limits } from "./limits.ts";
import { readPath } from "./locations.ts";
import { suggestion } from "./nearest.ts";
import { readDuration } from "./quantities.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { readSecret } from "./secret.ts";

/** Says which values are right, and what they mean. */
export type Schema = z.ZodType;

/** What a value becomes when a schema has checked it. */
export type Output<Of extends Schema> = z.output<Of>;

/** What is wrong with the shape of a value; `path` leads there from the value that was checked. */
export interface ShapeIssue {
  readonly code: string;
  readonly path: readonly PropertyKey[];
  /** What is wrong, what would be right; for `unrecognized_keys` the known keys, by spaces. */
  readonly message: string;
  /** With `unrecognized_keys`: the unknown ones. */
  readonly keys?: readonly string[];
  /** With `invalid_union`: what each alternative says. */
  readonly errors?: readonly (readonly ShapeIssue[])[];
  /** With `invalid_key`: what is wrong with the key. */
  readonly issues?: readonly ShapeIssue[];
}

export type Shape<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly issues: readonly ShapeIssue[] };

/** Checks a value against a schema: what it means, or everything that is wrong with it. */
export function checkShape<Of extends Schema>(schema: Of, value: unknown): Shape<Output<Of>> {
  const result = schema.safeParse(value);
  return result.success
    ? { ok: true, value: result.data }
    : { ok: false, issues: result.error.issues };
}

/** The schema as JSON Schema (2020-12), for editors: it describes what is written in the file. */
export function jsonSchemaOf(schema: Schema): object {
  return z.toJSONSchema(schema, { io: "input" });
}

/** A key that may be left out, with the line that editors show for it. */
export function key<Of extends Schema>(description: string, schema: Of) {
  return schema.optional().meta({ description });
}

/** Anything: checked elsewhere. */
export const anything = z.unknown();

/** A text, and what its reader makes of it. */
export function text<Value>(reader: (text: string) => Reading<Value>, wanted: string) {
  return z.string({ error: wanting(wanted) }).transform((input, context) => {
    const reading = reader(input);
    if (reading.ok) return reading.value;
    context.issues.push({ code: "custom", message: reading.why, input });
    return z.NEVER;
  });
}

/** A number, and what its reader makes of it. */
export function number<Value>(reader: (number: number) => Reading<Value>, wanted: string) {
  return z.number({ error: wanting(wanted) }).transform((input, context) => {
    const reading = reader(input);
    if (reading.ok) return reading.value;
    context.issues.push({ code: "custom", message: reading.why, input });
    return z.NEVER;
  });
}

/** A whole number between two bounds (inclusive). */
export function whole(min: number, max: number, wanted: string) {
  const error = `is out of range, wanted ${wanted}`;
  const aWhole = wanted.replace(/^a number/, "a whole number");
  return z
    .int({
      error: (issue) =>
        typeof issue.input === "number" && !Number.isInteger(issue.input)
          ? `is not whole, wanted ${aWhole}`
          : wanting(aWhole)(issue),
    })
    .min(min, { error })
    .max(max, { error });
}

/** One of several words; those of the contract that are not built yet are told apart. */
export function choice<const Names extends readonly string[]>(
  names: Names,
  later: readonly string[] = [],
) {
  const wanted = names.length === 1 ? `${names[0]}` : `one of ${names.join(", ")}`;
  const reader = (input: string): Reading<Names[number]> => {
    const name = names.find((candidate) => candidate === input);
    if (name !== undefined) return read(name);
    return later.includes(input)
      ? wrong(`${input} is not supported yet, wanted ${wanted}`)
      : wrong(`is not known, wanted ${wanted}${suggestion(input, names)}`);
  };
  return text(reader, wanted).meta({ enum: [...names] });
}

/** A mapping with these keys and no others. */
export function mapping<Keys extends Readonly<Record<string, Schema>>>(keys: Keys, wanted: string) {
  return z.strictObject(keys, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? Object.keys(keys).join(" ") : wanting(wanted)(issue),
  });
}

/** A mapping whose keys are values themselves. */
export function table<Key extends z.ZodType<string, string>, Value extends Schema>(
  keys: Key,
  values: Value,
  wanted: string,
) {
  return z.record(keys, values, { error: wanting(wanted) });
}

/** A list without the same value twice. */
export function list<Item extends Schema>(item: Item, wanted: string) {
  return z.array(item, { error: wanting(wanted) }).check(({ value, issues }) => {
    const seen = new Set<string>();
    for (const [index, entry] of value.entries()) {
      const written = JSON.stringify(entry);
      if (seen.has(written)) {
        const message = "stands in the list twice, wanted once";
        issues.push({ code: "custom", path: [index], message, input: value });
      }
      seen.add(written);
    }
  });
}

/** At least one, the same twice if it is written so. */
export function series<Item extends Schema>(item: Item, wanted: string) {
  return z.array(item, { error: wanting(wanted) }).min(1, { error: `is empty, wanted ${wanted}` });
}

/** A list with at least one entry. */
export function someOf<Item extends Schema>(item: Item, wanted: string) {
  return list(item, wanted).min(1, { error: `is empty, wanted ${wanted}` });
}

/** Any of several forms that differ in type; the fault comes from the one whose type fits. */
export function anyOf<const Options extends readonly [Schema, ...Schema[]]>(
  options: Options,
  wanted: string,
) {
  return z.union(options, { error: wanting(wanted) });
}

/** Milliseconds between two bounds (inclusive). */
export function duration(minMs: number, maxMs: number, example: string) {
  return text((input) => readDuration(input, minMs, maxMs), `a duration such as ${example}`);
}

/** The two ways of writing a switch: to be spread into {@link anyOf}. */
export const switches = [z.boolean(), choice(["on", "off"])] as const;

/** `on` and `true` mean the same, so do `off` and `false`. */
export const onOff = anyOf(switches, "on or off").transform(
  (value) => value === true || value === "on",
);

/** The two ways of writing `off`, where nothing is `on`: to be spread into {@link anyOf}. */
export function off(wanted: string) {
  const on = switchedOn(wanted);
  const reader = (input: string): Reading<"off"> => {
    if (input === "off") return read("off");
    return wrong(input === "on" ? on : `is text, wanted ${wanted}`);
  };
  return [
    z
      .boolean()
      .refine((value) => !value, { error: on })
      .transform(() => "off" as const),
    text(reader, wanted).meta({ enum: ["off"] }),
  ] as const;
}

/** What is wrong with `on` or `true` where nothing is `on`. */
export function switchedOn(wanted: string): string {
  return `is a switch that is on, wanted ${wanted}`;
}

/** A port that something can be reached at. */
export const port = whole(1, limits.portMax, `a port from 1 to ${limits.portMax}`);

/** The path of a file or folder, as written. */
export const path = text(readPath, "a path such as ../storage");

/** A secret of any key. */
export const secret = text(readSecret, "env:NAME, file:PATH, or the secret itself");

/** The message for a value of the wrong type: what it is, what would be right. */
function wanting(wanted: string) {
  return ({ input }: { readonly input?: unknown }) => `${found(input)}, wanted ${wanted}`;
}

function found(input: unknown): string {
  if (input === undefined) return "is missing";
  if (input === null) return "is empty";
  if (Array.isArray(input)) return "is a list";
  switch (typeof input) {
    case "string":
      return "is text";
    case "number":
      return "is a number";
    case "boolean":
      return "is a switch";
    default:
      return "is a mapping";
  }
}
