import { limits } from "../config/limits.ts";
import { acceptOf } from "./answer.ts";
import { CONNECTION_SPECIFIC } from "./connection-specific.ts";
import { type Fault, Fields, fault, scanFields, tokenEnd, valueEnd } from "./fields.ts";

/** RFC 9113 §8.2.2: an answer with one of these is malformed. */
const REFUSED: ReadonlySet<string> = new Set(CONNECTION_SPECIFIC);
/** What a 2xx to an extended CONNECT means (RFC 8441 §5) in HTTP/1.1. */
const SWITCHED = "HTTP/1.1 101 \r\nupgrade: websocket\r\nconnection: upgrade\r\n";
/** RFC 9110 §9.3.6: there is no content; and the proof is ours to make, for the client that asked for one. */
const NOT_OF_TUNNELS: readonly string[] = ["content-length", "sec-websocket-accept"];
const STATUS = /^[1-9][0-9]{2}$/;

/** What of a field section is told beside its fields. */
export interface SectionFacts {
  /** Of the request. */
  readonly method: string;
  /** Is there nothing behind it? */
  readonly isWhole: boolean;
  /** Of a request to become a WebSocket. */
  readonly webSocketKey: string | undefined;
}

/**
 * The field section of an answer (RFC 9113 §8.3.2) as the head of the HTTP/1.1 answer that means the same,
 * for the one reader of both. `pairs`: name, value, name, value …, as they came. Nothing is written into the
 * head that was not read character by character.
 */
export function readAnswerHead(pairs: readonly string[], facts: SectionFacts): string | Fault {
  const [name, status = ""] = pairs;
  if (name !== ":status" || !STATUS.test(status))
    return fault(502, "the answer does not start with a status");
  // RFC 9113 §8.6: there is no other protocol to switch to.
  if (status === "101") return fault(502, "the answer switches protocols, which HTTP/2 cannot");
  const key = status.startsWith("2") ? facts.webSocketKey : undefined;
  const lines = readLines(pairs.slice(2), key === undefined ? [] : NOT_OF_TUNNELS);
  if (typeof lines !== "string") return lines;
  if (key !== undefined) return `${SWITCHED}sec-websocket-accept: ${acceptOf(key)}\r\n${lines}\r\n`;
  return `HTTP/1.1 ${status} \r\n${lines}${lengthLine(pairs, status, facts)}\r\n`;
}

/** The trailer fields of an answer as HTTP/1.1 would have them. */
export function readAnswerTrailers(pairs: readonly string[]): Fields | Fault {
  const lines = readLines(pairs, []);
  if (typeof lines !== "string") return lines;
  if (lines.length > limits.trailersMaxBytes) return fault(502, "the trailers are too long");
  const text = `${lines}\r\n`;
  const fields = new Fields(text);
  const read = scanFields(text, 0, fields);
  return typeof read === "object" ? fault(502, `in the trailers, ${read.why}`) : fields;
}

/** What ends with its head has no content: said aloud, so that nobody waits for any. */
function lengthLine(pairs: readonly string[], status: string, facts: SectionFacts): string {
  const hasNone = facts.method === "HEAD" || /^(?:1..|204|304)$/.test(status);
  if (!facts.isWhole || hasNone || pairs.includes("content-length")) return "";
  return "content-length: 0\r\n";
}

function readLines(pairs: readonly string[], without: readonly string[]): string | Fault {
  let lines = "";
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] ?? "";
    const value = pairs[at + 1] ?? "";
    if (name === "" || tokenEnd(name, 0) !== name.length || /[A-Z]/.test(name))
      return fault(502, "a field name of the answer is not a token in lower case");
    if (REFUSED.has(name)) return fault(502, "a field of the answer speaks of the connection");
    if (valueEnd(value, 0) !== value.length)
      return fault(502, "a field value of the answer holds a control character");
    if (!without.includes(name)) lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
