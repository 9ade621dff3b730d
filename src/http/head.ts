import { limits } from "../config/limits.ts";
import { type Fault, Fields, fault, scanFields, targetEnd, tokenEnd, valueEnd } from "./fields.ts";

/** The head of a request, as it was written. */
export interface RequestHead {
  readonly kind: "head";
  readonly method: string;
  /** The request target (RFC 9112 §3.2), any form. */
  readonly target: string;
  /** HTTP/1.`minor`. */
  readonly minor: 0 | 1;
  readonly fields: Fields;
  /** Bytes from the first one to the end of the empty line. */
  readonly length: number;
}

/** The head of an answer, as it was written. */
export interface ResponseHead {
  readonly kind: "head";
  readonly minor: 0 | 1;
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  readonly length: number;
}

/** The outcome of reading what has arrived so far. Nothing is consumed, nothing is thrown. */
export type HeadRead<Head> = Head | { readonly kind: "partial" } | Fault;

const PARTIAL = { kind: "partial" } as const;
const VERSION_1_1 = "HTTP/1.1\r\n";
const VERSION_1_0 = "HTTP/1.0\r\n";
/** Longer methods than any that is registered; a stranger's endless "method" ends here. */
const METHOD_MAX_BYTES = 32;

/**
 * Reads a request head (RFC 9112 §2-§5) from `bytes[start..end)`, strictly: what has two readings is
 * a fault. One empty line before it is passed over (RFC 9112 §2.2). Faults show as early as possible,
 * so that half a malformed head is not waited for.
 */
export function readRequestHead(bytes: Buffer, start: number, end: number): HeadRead<RequestHead> {
  const text = bytes.toString("latin1", start, Math.min(end, start + limits.headMaxBytes));
  const read = scanRequest(text);
  if (read.kind !== "partial" || text.length < limits.headMaxBytes) return read;
  return fault(431, "the head is larger than the limit");
}

function scanRequest(text: string): HeadRead<RequestHead> {
  const methodStart = text.startsWith("\r\n") ? 2 : 0;
  if (text === "" || text === "\r" || text.length === methodStart) return PARTIAL;
  const methodEnd = tokenEnd(text, methodStart);
  if (methodEnd - methodStart > METHOD_MAX_BYTES) return fault(400, "the method is too long");
  if (methodEnd === text.length) return PARTIAL;
  if (methodEnd === methodStart) return fault(400, "the request line does not start with a method");
  if (text[methodEnd] !== " ") return fault(400, "the method is not a token");

  const targetStart = methodEnd + 1;
  const end = targetEnd(text, targetStart);
  if (end - targetStart > limits.targetMaxBytes) return fault(414, "the target is too long");
  if (end === text.length) return PARTIAL;
  if (text[end] !== " ") return fault(400, "the target holds a character it may not");

  const minor = readVersion(text, end + 1);
  if (typeof minor !== "number") return minor;
  const fields = new Fields(text);
  const length = scanFields(text, end + 1 + VERSION_1_1.length, fields);
  if (length === "partial") return PARTIAL;
  if (typeof length !== "number") return length;
  const method = text.slice(methodStart, methodEnd);
  return { kind: "head", method, target: text.slice(targetStart, end), minor, fields, length };
}

function readVersion(text: string, at: number): 0 | 1 | typeof PARTIAL | Fault {
  if (text.startsWith(VERSION_1_1, at)) return 1;
  if (text.startsWith(VERSION_1_0, at)) return 0;
  const rest = text.slice(at, at + VERSION_1_1.length);
  if (VERSION_1_1.startsWith(rest) || VERSION_1_0.startsWith(rest)) return PARTIAL;
  return fault(400, "the version is neither HTTP/1.1 nor HTTP/1.0");
}

/** `HTTP/1.1 200`, and the space that is due after it. */
const STATUS_END = 12;

/**
 * Reads the head of a backend's answer from `bytes[start..end)` as strictly as a request's. The
 * status of a fault is 502 throughout.
 */
export function readResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
): HeadRead<ResponseHead> {
  const text = bytes.toString("latin1", start, Math.min(end, start + limits.headMaxBytes));
  const read = scanResponse(text);
  if (read.kind === "fault") return fault(502, read.why);
  if (read.kind !== "partial" || text.length < limits.headMaxBytes) return read;
  return fault(502, "the head of the answer is larger than the limit");
}

function scanResponse(text: string): HeadRead<ResponseHead> {
  // HTTP/0.9 and other nonsense shows in the first bytes.
  if (!text.startsWith("HTTP/1.") && !"HTTP/1.".startsWith(text))
    return fault(502, "the answer does not start with a status line");
  if (text.length <= STATUS_END) return PARTIAL;
  const minor = text.charCodeAt(7) - 48;
  const status = readStatus(text);
  const hasSpace = text[STATUS_END] === " ";
  // RFC 9112 §4: the space is due even without a reason, but some leave it out.
  if ((minor !== 0 && minor !== 1) || status < 100 || !(hasSpace || text[STATUS_END] === "\r"))
    return fault(502, "the status line is malformed");
  const reasonStart = hasSpace ? STATUS_END + 1 : STATUS_END;
  const end = valueEnd(text, reasonStart);
  if (end === text.length || end + 1 === text.length) return PARTIAL;
  if (!text.startsWith("\r\n", end)) return fault(502, "the reason holds a control character");
  const fields = new Fields(text);
  const length = scanFields(text, end + 2, fields);
  if (length === "partial") return PARTIAL;
  if (typeof length !== "number") return length;
  return { kind: "head", minor, status, reason: text.slice(reasonStart, end), fields, length };
}

/** The three digits of a status after `HTTP/1.1 `; 0 when they are something else. */
function readStatus(text: string): number {
  if (text[8] !== " ") return 0;
  let status = 0;
  for (let at = 9; at < STATUS_END; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return 0;
    status = status * 10 + digit;
  }
  return status;
}
