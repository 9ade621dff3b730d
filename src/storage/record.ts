import { type CertificateName, parseCertificateName } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import { corrupt } from "./failure.ts";
import { RECORD_MAX_BYTES, readBounded } from "./read-file.ts";

/** Every JSON file of ours says which shape it has; another one is not guessed at. */
const RECORD_VERSION = 1;
/** RFC 3339 in UTC, as `toISOString` writes it; a person may have left the fraction out. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** What can stand in a record. Absent values are left out of the file. */
export type RecordValue =
  | string
  | number
  | undefined
  | readonly string[]
  | { readonly [key: string]: RecordValue };

/**
 * The fields of a JSON object read from disk. Keys that nobody asks for are ignored, so that a newer
 * program may add some. Every reader throws `STORAGE_CORRUPT` for a missing or ill-typed value.
 */
export interface Fields {
  /** Of every field that there is. */
  readonly keys: readonly string[];
  text(key: string): string;
  optionalText(key: string): string | undefined;
  texts(key: string): readonly string[];
  /** A whole number from 0. */
  count(key: string): number;
  /** Milliseconds since the epoch. */
  time(key: string): number;
  name(key: string): CertificateName;
  object(key: string): Fields;
}

/**
 * Reads one of our JSON files; `undefined` when there is none.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` or `STORAGE_FAILED`.
 */
export async function readRecord(path: string): Promise<Fields | undefined> {
  const bytes = await readBounded(path, RECORD_MAX_BYTES);
  return bytes === undefined ? undefined : parseRecord(bytes, path);
}

/** The text of a file that {@link parseRecord} reads back. */
export function formatRecord(fields: Readonly<Record<string, RecordValue>>): string {
  return `${JSON.stringify({ version: RECORD_VERSION, ...fields }, undefined, 2)}\n`;
}

/**
 * The fields of `bytes`, which came from the file `path`.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` when it is no JSON object of our version.
 */
export function parseRecord(bytes: Uint8Array, path: string): Fields {
  const fields = fieldsOf(parseJson(bytes, path), path);
  if (fields.count("version") !== RECORD_VERSION) throw corrupt(path, "its version is not known");
  return fields;
}

function parseJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    // The parser's message quotes what it read, which may be a key put into the wrong file.
    throw corrupt(path, `it is not JSON (${codeOf(cause) ?? "syntax"})`);
  }
}

function fieldsOf(parsed: unknown, path: string): Fields {
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw corrupt(path, "it is not a JSON object");
  }
  const values = new Map<string, unknown>(Object.entries(parsed));
  const wrong = (key: string, wanted: string) => corrupt(path, `"${key}" is not ${wanted}`);
  const text = (key: string) => {
    const value = values.get(key);
    if (typeof value !== "string") throw wrong(key, "text");
    return value;
  };
  return {
    keys: [...values.keys()],
    text,
    optionalText: (key) => (values.has(key) ? text(key) : undefined),
    texts: (key) => {
      const value = values.get(key);
      if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
      throw wrong(key, "a list of texts");
    },
    count: (key) => {
      const value = values.get(key);
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
      throw wrong(key, "a whole number");
    },
    time: (key) => {
      const value = text(key);
      const ms = TIME.test(value) ? Date.parse(value) : Number.NaN;
      if (Number.isNaN(ms)) throw wrong(key, "a time");
      return ms;
    },
    name: (key) => {
      const name = parseCertificateName(text(key));
      if (name === undefined) throw wrong(key, "a host name");
      return name;
    },
    object: (key) => fieldsOf(values.get(key), path),
  };
}
