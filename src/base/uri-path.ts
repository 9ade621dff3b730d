/**
 * How the path of a request is read for routing. The request goes on as it was written; what is
 * compared with prefixes is a copy in which every character that need not be %-encoded is not.
 */

/** What makes a path worth a second look: encoding, parameters, `\\`, empty segments, segments of dots. */
const SUSPICIOUS = /[%;\\]|\/[/.]/;
/** `%` without two hex digits; NUL, where C ends a text; C0 and C1, which begin nothing in UTF-8 but longer spellings of ASCII. */
const BROKEN = /%(?![0-9A-Fa-f]{2})|%00|%[Cc][01]/;
const ENCODED = /%([0-9A-Fa-f]{2})/g;
/** Stay encoded: `%` itself, and what would change how the path is cut into segments. */
const KEPT_ENCODED = /[%/\\;]/;
/** A segment that stands for this folder or the one above, with parameters or without. */
const DOTS = /(?:^|\/)\.\.?(?:;[^/]*)?(?=\/|$)/;

/** The readings of a path that differ by who reads it. */
export type PathReading =
  /** `strictly`: as RFC 3986 has it. `loosely`: as servers read it that drop parameters and empty segments, and take %2F and %5C for `/`. */
  | { readonly kind: "path"; readonly strictly: string; readonly loosely: string }
  /** No two programs agree on what it means: it may lead out of any prefix. */
  | { readonly kind: "ambiguous" };

/** The path of a target (`/a/b?query`) or the target itself when nothing in it has two readings. */
export function readUriPath(target: string): PathReading | undefined {
  const query = target.indexOf("?");
  const path = query === -1 ? target : target.slice(0, query);
  if (!SUSPICIOUS.test(path)) return undefined;
  if (BROKEN.test(path)) return { kind: "ambiguous" };
  const strictly = normalised(path);
  const loosely = loose(strictly);
  if (DOTS.test(strictly) || DOTS.test(loosely)) return { kind: "ambiguous" };
  return { kind: "path", strictly, loosely };
}

/**
 * Has the text one reading only, and is it spelt as {@link readUriPath} spells it? Prefixes must be: then a
 * path that begins with one strictly begins with it in every other reading.
 */
export function isPlainPath(text: string): boolean {
  const reading = readUriPath(text);
  if (reading === undefined) return true;
  return reading.kind === "path" && reading.strictly === text && reading.loosely === text;
}

/** With every character that need not be %-encoded as itself, and the others in capitals. */
function normalised(path: string): string {
  return path.replace(ENCODED, (triplet, hex: string) => plain(triplet, hex));
}

/**
 * Where in `target`, which begins with `prefix` when it is read strictly, the prefix ends; `undefined`
 * when it does not begin so.
 */
export function prefixEnd(target: string, prefix: string): number | undefined {
  let at = 0;
  let matched = 0;
  while (matched < prefix.length) {
    const isTriplet = target.charCodeAt(at) === 37;
    const written = target.slice(at, at + (isTriplet ? 3 : 1));
    const read = isTriplet ? normalised(written) : written;
    if (read === "" || !prefix.startsWith(read, matched)) return undefined;
    at += written.length;
    matched += read.length;
  }
  return at;
}

function plain(triplet: string, hex: string): string {
  const character = String.fromCharCode(Number.parseInt(hex, 16));
  return /[!-~]/.test(character) && !KEPT_ENCODED.test(character)
    ? character
    : triplet.toUpperCase();
}

function loose(strictly: string): string {
  return strictly
    .replaceAll(/%(?:2F|5C)|\\/g, "/")
    .replaceAll("%3B", ";")
    .replaceAll(/;[^/]*/g, "")
    .replaceAll(/\/{2,}/g, "/");
}
