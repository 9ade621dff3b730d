import { isCertifiedFamily } from "../config/identity-fields.ts";
import { limits } from "../config/limits.ts";

/** What a message is refused with: a status (as towards a client) and a reason for log and tests. */
export interface Fault {
  readonly kind: "fault";
  readonly status: number;
  readonly why: string;
}

export function fault(status: number, why: string): Fault {
  return { kind: "fault", status, why };
}

/** The fields that framing, routing, forwarding or dating look at. */
const KNOWN = [
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "upgrade",
  "expect",
  "te",
  "proxy",
  "proxy-connection",
  "keep-alive",
  "http2-settings",
  "forwarded",
  "cdn-loop",
  "date",
  "sec-websocket-key",
  "sec-websocket-accept",
  "client-cert",
  "client-cert-chain",
] as const;

/** Those among them that start with `x-`. */
const KNOWN_X = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "x-request-id",
] as const;

export type FieldName =
  | (typeof KNOWN)[number]
  | (typeof KNOWN_X)[number]
  /** Any further `x-forwarded-…`. */
  | "x-forwarded-other"
  /** `x-client-cert…`, `x-ssl-client-…`: who a client has proven to be is ours to say, whoever it comes from. */
  | "x-client-identity"
  /** A name with `_` or `.`, which CGI and its heirs (PHP) cannot tell from one with `-`. */
  | "underscored"
  | "other";

/** The field lines of one message, as places in the text they were read from. */
export class Fields {
  readonly text: string;
  readonly names: FieldName[] = [];
  /** For each field: start and end of its name, start and end of its value without white space. */
  readonly #marks: number[] = [];
  /** Where the empty line after the last field starts. */
  end = 0;

  constructor(text: string) {
    this.text = text;
  }

  get count(): number {
    return this.names.length;
  }

  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, odd: number): void {
    this.names.push(odd === 0 ? nameOf(this.text, nameStart, nameEnd) : "underscored");
    this.#marks.push(nameStart, nameEnd, valueStart, valueEnd);
  }

  /** Where the line of field `index` starts; the end of all lines when there is no such field. */
  lineStart(index: number): number {
    return this.#marks[index * 4] ?? this.end;
  }

  /** The name as it was written. */
  nameText(index: number): string {
    return this.text.slice(this.#marks[index * 4], this.#marks[index * 4 + 1]);
  }

  value(index: number): string {
    return this.text.slice(this.#marks[index * 4 + 2], this.#marks[index * 4 + 3]);
  }
}

/** RFC 9110 §5.6.2 tchar; those that some take for `-` are told apart. */
const TOKEN = 1;
const UNDERSCORE = 2;
/** RFC 9110 §5.5: field-vchar, obs-text, and SP / HTAB between them. */
const VALUE = 4;
/** What a request target may be made of here: printable ASCII without `#` and `\`. */
const TARGET = 8;
const classes = new Uint8Array(256);
for (let code = 0; code < 256; code += 1) {
  const character = String.fromCharCode(code);
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)) classes[code] = TOKEN;
  if (/[_.]/.test(character)) classes[code] = TOKEN | UNDERSCORE;
  if (code === 9 || (code >= 32 && code !== 127)) classes[code] = (classes[code] ?? 0) | VALUE;
  if (/[!-~]/.test(character) && !/[#\\]/.test(character))
    classes[code] = (classes[code] ?? 0) | TARGET;
}
const HTAB = 9;
const LF = 10;
const CR = 13;
const SP = 32;
const COLON = 58;

/** Where the run of token characters that starts at `at` ends. */
export function tokenEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && ((classes[text.charCodeAt(end)] ?? 0) & TOKEN) !== 0) end += 1;
  return end;
}

/** Where the run of characters of a request target that starts at `at` ends. */
export function targetEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && ((classes[text.charCodeAt(end)] ?? 0) & TARGET) !== 0) end += 1;
  return end;
}

/** Where the run of characters of a field value that starts at `at` ends. */
export function valueEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length && ((classes[text.charCodeAt(end)] ?? 0) & VALUE) !== 0) end += 1;
  return end;
}

/**
 * Reads field lines from `at` to the empty line that ends them (RFC 9112 §5), into `fields`. Returns
 * where the empty line has ended, `partial` when the text stops before, or the fault. Folded lines,
 * space around names, bare CR or LF and control characters are faults, wherever RFC 9112 leaves a choice.
 *
 * @param most So many fields are let in: as many as are there, where we wrote them ourselves.
 */
export function scanFields(
  text: string,
  at: number,
  fields: Fields,
  most: number = limits.headMaxFields,
): number | "partial" | Fault {
  let lineStart = at;
  for (;;) {
    if (lineStart === text.length) return "partial";
    if (text.charCodeAt(lineStart) === CR) return scanEmptyLine(text, lineStart, fields);
    const next = scanField(text, lineStart, fields);
    if (typeof next !== "number") return next;
    if (fields.count > most) return fault(431, "too many fields");
    lineStart = next;
  }
}

function scanEmptyLine(text: string, at: number, fields: Fields): number | "partial" | Fault {
  if (at + 1 === text.length) return "partial";
  if (text.charCodeAt(at + 1) !== LF) return fault(400, "bare CR before the end of the head");
  fields.end = at;
  return at + 2;
}

function scanField(text: string, at: number, fields: Fields): number | "partial" | Fault {
  const { length } = text;
  let nameEnd = at;
  let seen = 0;
  for (; nameEnd < length; nameEnd += 1) {
    const kind = classes[text.charCodeAt(nameEnd)] ?? 0;
    if ((kind & TOKEN) === 0) break;
    seen |= kind;
  }
  if (nameEnd === length) return "partial";
  if (nameEnd === at) return fault(400, "a field line does not start with a name");
  if (text.charCodeAt(nameEnd) !== COLON) return fault(400, "a field name is not a token");
  const valueStart = skipSpace(text, nameEnd + 1);
  const lineEnd = valueEnd(text, valueStart);
  if (lineEnd === length) return "partial";
  if (text.charCodeAt(lineEnd) !== CR) return fault(400, "a field value holds a control character");
  if (lineEnd + 1 === length) return "partial";
  if (text.charCodeAt(lineEnd + 1) !== LF) return fault(400, "a field value holds a bare CR");
  fields.add(at, nameEnd, valueStart, trimEnd(text, valueStart, lineEnd), seen & UNDERSCORE);
  return lineEnd + 2;
}

function skipSpace(text: string, at: number): number {
  let start = at;
  while (text.charCodeAt(start) === SP || text.charCodeAt(start) === HTAB) start += 1;
  return start;
}

function trimEnd(text: string, start: number, at: number): number {
  let end = at;
  while (end > start && (text.charCodeAt(end - 1) === SP || text.charCodeAt(end - 1) === HTAB))
    end -= 1;
  return end;
}

/** Known names by length and first letter: at most one each, so that other names cost one look. */
const knownAt: (FieldName | undefined)[] = [];
for (const name of KNOWN) knownAt[slotOf(name.length, name.charCodeAt(0))] = name;
const knownX: ReadonlyMap<string, FieldName> = new Map(KNOWN_X.map((name) => [name, name]));
const LETTER_X = 24;

function slotOf(length: number, firstCode: number): number {
  return length * 32 + (firstCode & 31);
}

function nameOf(text: string, start: number, end: number): FieldName {
  const first = text.charCodeAt(start);
  if ((first & 31) === LETTER_X) {
    const name = text.slice(start, end).toLowerCase();
    return knownX.get(name) ?? familyOf(name);
  }
  const candidate = knownAt[slotOf(end - start, first)];
  if (candidate === undefined) return "other";
  return isCalled(text, start, candidate) ? candidate : "other";
}

function familyOf(name: string): FieldName {
  if (name.startsWith("x-forwarded-")) return "x-forwarded-other";
  return isCertifiedFamily(name) ? "x-client-identity" : "other";
}

/** Does `lowerName` stand at `start`, in any case? Token characters that differ in bit 5 only are letters. */
function isCalled(text: string, start: number, lowerName: string): boolean {
  for (let index = 0; index < lowerName.length; index += 1) {
    const wanted = lowerName.charCodeAt(index);
    const code = text.charCodeAt(start + index);
    if (code !== wanted && (code | 32) !== wanted) return false;
  }
  return true;
}
