import { LatchkeyError } from "../base/errors.ts";

/** One thing that is wrong in the configuration, and where. */
export interface Fault {
  /** As the user named it. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units. */
  readonly column: number;
  /** Where in the document: `hosts["store.shop.example"].to[1]`; `file` for the file itself. */
  readonly path: string;
  /** What is wrong, what would be right. Never a value that could be a secret. */
  readonly message: string;
  /** Of the environment, when all that is wrong is that it is not set: another process may have it. */
  readonly variable?: string | undefined;
}

/** A file that cannot be used: `CONFIG_INVALID`, with everything that is wrong in it. */
export class FaultyConfig extends LatchkeyError {
  override readonly name: string = "FaultyConfig";
  readonly faults: readonly Fault[];

  constructor(file: string, faults: readonly Fault[]) {
    const count = `${faults.length} ${faults.length === 1 ? "fault" : "faults"}`;
    super("CONFIG_INVALID", `Cannot use ${file}: ${count}`);
    this.faults = faults;
  }
}

/** The way from the root of the document to a value: keys of maps, indexes of lists. */
export type Path = readonly (string | number)[];

/**
 * Notes a fault. `part` says whether the key or the value (unless given) at `path` is wrong; a path
 * that is not in the file stands for the nearest place above it that is.
 */
export type Report = (path: Path, message: string, part?: "key" | "value") => void;

/** A key longer than this is cut when it is shown. */
const KEY_MAX_CHARACTERS = 80;
const PLAIN_KEY = /^[A-Za-z0-9_-]+$/;
/** What could end a line or drive a terminal: controls, and the separators of Unicode. */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** `FILE:LINE:COLUMN: PATH: what is wrong, what would be right`: always one line. */
export function formatFault(fault: Fault): string {
  return oneLine(`${fault.file}:${fault.line}:${fault.column}: ${fault.path}: ${fault.message}`);
}

/** The text with what could end a line or drive a terminal escaped. */
export function oneLine(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** In the order of the names of their files, and of each file; at one place in the order they were found. Equal ones become one. */
export function sortFaults(faults: readonly Fault[]): readonly Fault[] {
  const distinct = new Map(faults.map((fault) => [formatFault(fault), fault]));
  return [...distinct.values()].sort(
    (one, other) =>
      compared(one.file, other.file) || one.line - other.line || one.column - other.column,
  );
}

function compared(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/** `["hosts", "a.b", "to", 1]` → `hosts["a.b"].to[1]`; the empty path is `file`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return "file";
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      if (!PLAIN_KEY.test(step)) return `["${shown(step)}"]`;
      return index === 0 ? shown(step) : `.${shown(step)}`;
    })
    .join("");
}

function shown(key: string): string {
  const short = key.length > KEY_MAX_CHARACTERS ? `${key.slice(0, KEY_MAX_CHARACTERS)}…` : key;
  return short.replace(/["\\]/g, "\\$&").replace(UNSAFE, escaped);
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}
