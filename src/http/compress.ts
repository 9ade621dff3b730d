import type { Coding, Compression } from "../config/compress.ts";
import { negotiate } from "./accept-encoding.ts";
import type { Admitted } from "./admit.ts";
import type { AnswerEdits } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import { listOf } from "./field-list.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";

/** An answer as the client shall get it. */
export interface Encoded {
  /** How its content is compressed; `undefined`: it is not, and only the head says that it might be. */
  readonly coding: Coding | undefined;
  /** What becomes of its head. */
  readonly edits: AnswerEdits;
  readonly answer: FinalAnswer;
}

/** Fields that are about the very bytes of the plain content (RFC 9110 §8.8.3, §14.3; RFC 9530). */
const ABOUT_BYTES: readonly string[] = [
  "accept-ranges",
  "content-digest",
  "content-md5",
  "digest",
  "repr-digest",
];
/** Only its exact name brings it in, not `text/*`: it lasts for hours. */
const EVENT_STREAM = "text/event-stream";

/**
 * Decides whether and how an answer is compressed (RFC 9110 §8.4, §12.5.3, §7.7): what the backend left
 * whole and plain, of a type and a size that is worth it, for a client that takes it. `undefined`: the
 * answer stays as it is. An answer to HEAD gets the head that GET would get. `head`: as the client would see
 * it, since rules may have changed what counts here, and what is said here must not be theirs to undo.
 */
export function encode(
  request: Admitted,
  head: ResponseHead,
  answer: FinalAnswer,
  compression: Compression,
): Encoded | undefined {
  const asked = request.head.fields;
  const told = head.fields;
  if (forbidsTransform(listOf(asked, "cache-control"))) return undefined;
  if (head.status === 304) return revalidated(asked, head, answer);
  if (!isPlainAndWhole(asked, head) || !isWorthIt(told, answer, compression)) return undefined;
  const coding = negotiate(listOf(asked, "accept-encoding"), compression.codings);
  const vary = varyOf(told);
  if (coding === undefined)
    return vary === undefined
      ? undefined
      : { coding, edits: { removed: ["vary"], lines: vary }, answer };
  const etag = listOf(told, "etag");
  const lines =
    `Content-Encoding: ${coding}\r\n` +
    (vary ?? "") +
    (etag === undefined ? "" : `ETag: ${weak(etag)}\r\n`);
  const removed = [...ABOUT_BYTES, ...(vary === undefined ? [] : ["vary"]), "etag"];
  return {
    coding,
    edits: { removed, lines },
    answer: {
      ...answer,
      end: answer.end === "none" ? "none" : "chunked",
      length: undefined,
    },
  };
}

/** A partial answer is of bytes that stand in the plain content; what is encoded is encoded for a reason. */
function isPlainAndWhole(asked: Fields, { status, fields }: ResponseHead): boolean {
  if (status === 204 || status === 205 || status === 206) return false;
  if (listOf(asked, "range") !== undefined) return false;
  if (listOf(fields, "content-encoding") !== undefined) return false;
  if (listOf(fields, "content-range") !== undefined) return false;
  return !forbidsTransform(listOf(fields, "cache-control"));
}

function isWorthIt(told: Fields, answer: FinalAnswer, compression: Compression): boolean {
  if (answer.length !== undefined && answer.length < Math.max(1, compression.minBytes))
    return false;
  const type = listOf(told, "content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  return type !== undefined && isListed(type, compression.types);
}

function isListed(type: string, types: readonly string[]): boolean {
  if (types.includes(type)) return true;
  if (type === EVENT_STREAM) return false;
  return types.some((pattern) => {
    const star = pattern.indexOf("*");
    if (star === -1) return false;
    const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
    const isLongEnough = type.length > before.length + after.length;
    return isLongEnough && type.startsWith(before) && type.endsWith(after);
  });
}

/** A client that holds what we compressed hears of it under the weak tag that we gave it. */
function revalidated(asked: Fields, head: ResponseHead, answer: FinalAnswer): Encoded | undefined {
  const etag = listOf(head.fields, "etag");
  if (etag === undefined || etag.startsWith("W/")) return undefined;
  if (!listOf(asked, "if-none-match")?.includes(weak(etag))) return undefined;
  const vary = varyOf(head.fields);
  const removed = vary === undefined ? ["etag"] : ["etag", "vary"];
  const lines = `${vary ?? ""}ETag: ${weak(etag)}\r\n`;
  return { coding: undefined, edits: { removed, lines }, answer };
}

/** The bytes differ from time to time, the meaning does not (RFC 9110 §8.8.1). */
function weak(etag: string): string {
  return etag.startsWith("W/") ? etag : `W/${etag}`;
}

/** The Vary line that also names Accept-Encoding; `undefined`: the one that is there does. */
function varyOf(told: Fields): string | undefined {
  const value = listOf(told, "vary");
  if (value === undefined || value === "") return "Vary: Accept-Encoding\r\n";
  const names = value.split(",").map((name) => name.trim().toLowerCase());
  if (names.includes("*") || names.includes("accept-encoding")) return undefined;
  return `Vary: ${value}, Accept-Encoding\r\n`;
}

/** RFC 9111 §5.2.1.6, §5.2.2.6. */
function forbidsTransform(cacheControl: string | undefined): boolean {
  return cacheControl !== undefined && /(?:^|[\s,])no-transform(?:[\s,=]|$)/i.test(cacheControl);
}
