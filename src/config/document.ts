import type { Path } from "./faults.ts";

/** A text read as YAML: plain values, and where each of them stands. */
export interface Document {
  /** Maps, lists, text, numbers, booleans, null. */
  readonly root: unknown;
  readonly offsets: Offsets;
  readonly problems: readonly Problem[];
  /** What carries a tag, which is a problem: it is read as if it had none, and may mean something else. */
  readonly tagged: readonly Path[];
  /** The text is not YAML: nothing is known about what it means. */
  readonly isBroken: boolean;
  placeOf(offset: number): Place;
}

/** What is wrong with the text itself, before anything is known about its meaning. */
export interface Problem {
  readonly offset: number;
  readonly path: Path;
  readonly message: string;
}

/** Both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Where the keys and values of each map and list stand in the text. (A WeakMap costs a quarter more time.) */
export type Offsets = ReadonlyMap<object, ReadonlyMap<string | number, Offset>>;

export interface Offset {
  readonly key: number;
  readonly value: number;
}

/** Where the key or the value at `path` stands, or the nearest key above it that is in the document. */
export function placeAt(document: Document, path: Path, part: "key" | "value"): Place {
  let value = document.root;
  let offset = 0;
  for (const [index, step] of path.entries()) {
    const found = isObject(value) ? document.offsets.get(value)?.get(step) : undefined;
    if (found === undefined || !isObject(value)) break;
    const isLast = index === path.length - 1;
    offset = isLast && part === "value" ? found.value : found.key;
    value = Reflect.get(value, step);
  }
  return document.placeOf(offset);
}

/** Is it a map, not a list? */
export function isMapping(value: unknown): value is object {
  return isObject(value) && !Array.isArray(value);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
