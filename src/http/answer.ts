import { createHash } from "node:crypto";
import type { Admitted } from "./admit.ts";
import type { BodyEnd } from "./body.ts";
import { NO_OPTIONS, readConnection } from "./connection-options.ts";
import { readContentLength } from "./content-length.ts";
import { type Fault, fault } from "./fields.ts";
import type { ResponseHead } from "./head.ts";

/** What was asked, as far as it decides what an answer means. */
export interface Question {
  readonly method: string;
  readonly webSocketKey: string | undefined;
  /** What tells the client that its handshake has made a tunnel, 101 unless said: with 200, any 2xx does (RFC 8441 §5). */
  readonly tunnelStatus?: TunnelStatus;
}

export type TunnelStatus = 101 | 200;

/** What `request` asks, of a client that hears of a tunnel by `tunnelStatus`. */
export function questionOf(
  { method, webSocketKey }: Pick<Admitted, "method" | "webSocketKey">,
  tunnelStatus: TunnelStatus,
): Question {
  return { method, webSocketKey, tunnelStatus };
}

/** Would the client take an answer with this status for a tunnel, whatever is behind it? */
function seemsTunnel(status: number, { webSocketKey, tunnelStatus }: Question): boolean {
  return webSocketKey !== undefined && tunnelStatus === 200 && status < 300;
}

/** What the head of an answer means. */
export type Answer =
  /** 1xx: another head follows. */
  | { readonly kind: "interim"; readonly named: readonly string[] }
  /** The connection speaks WebSocket from here on. */
  | { readonly kind: "switch"; readonly named: readonly string[] }
  | {
      readonly kind: "final";
      readonly end: BodyEnd;
      /** Bytes of the body with end `length`; with `none`, what Content-Length says about a body that is not sent. */
      readonly length: number | undefined;
      /** May the connection carry another exchange after this one? */
      readonly isReusable: boolean;
      readonly named: readonly string[];
    };

/** RFC 6455 §1.3. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** RFC 9110 §15: a status above it is invalid; HTTP/2's libraries know none, so that a client would see what another does not. */
const STATUS_MAX = 599;

/**
 * Reads what an answer's head means for its framing and its connection (RFC 9112 §6.3). Whatever has
 * two readings is a fault, answered 502: a backend that contradicts itself may be somebody's tool.
 */
export function judgeAnswer(head: ResponseHead, question: Question): Answer | Fault {
  if (head.status > STATUS_MAX) return fault(502, "the answer's status is above 599");
  const survey = surveyOf(head);
  const options = survey.connection === undefined ? NO_OPTIONS : readConnection(survey.connection);
  if ("kind" in options) return fault(502, `in the answer, ${options.why}`);
  const framed = judgeFraming(head, survey);
  if (framed.kind === "fault") return framed;
  const { named } = options;
  if (head.status === 101) {
    if (!isAccepted(survey, question.webSocketKey, options.upgrade))
      return fault(502, "the answer switches protocols and nobody asked for that");
    return { kind: "switch", named };
  }
  if (head.status < 200) {
    if (framed.end !== "close") return fault(502, "an interim answer has a body");
    return { kind: "interim", named };
  }
  if (seemsTunnel(head.status, question))
    return fault(502, "the answer is a success, and switches no protocols");
  const isBodiless = question.method === "HEAD" || head.status === 204 || head.status === 304;
  const end = isBodiless ? "none" : framed.end;
  const isReusable = head.minor === 1 && !options.close && end !== "close";
  return { kind: "final", end, length: framed.length, isReusable, named };
}

interface Survey {
  lengths: number;
  length: string;
  codings: number;
  coding: string;
  upgrade: string | undefined;
  accepts: number;
  accept: string;
  connection: string | undefined;
}

function surveyOf({ fields }: ResponseHead): Survey {
  const survey: Survey = {
    lengths: 0,
    length: "",
    codings: 0,
    coding: "",
    upgrade: undefined,
    accepts: 0,
    accept: "",
    connection: undefined,
  };
  for (let index = 0; index < fields.count; index += 1) {
    switch (fields.names[index]) {
      case "content-length":
        survey.lengths += 1;
        survey.length = fields.value(index);
        break;
      case "transfer-encoding":
        survey.codings += 1;
        survey.coding = fields.value(index);
        break;
      case "upgrade":
        survey.upgrade = joined(survey.upgrade, fields.value(index));
        break;
      case "sec-websocket-accept":
        survey.accepts += 1;
        survey.accept = fields.value(index);
        break;
      case "connection":
        survey.connection = joined(survey.connection, fields.value(index));
        break;
      default: // says nothing about framing or connection
    }
  }
  return survey;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

interface AnswerFraming {
  readonly kind: "framing";
  readonly end: BodyEnd;
  readonly length: number | undefined;
}

function judgeFraming(head: ResponseHead, survey: Survey): AnswerFraming | Fault {
  if (survey.codings > 0) {
    if (survey.lengths > 0)
      return fault(502, "the answer has Content-Length and Transfer-Encoding");
    if (survey.codings > 1) return fault(502, "the answer has more than one Transfer-Encoding");
    if (head.minor === 0) return fault(502, "an HTTP/1.0 answer has Transfer-Encoding");
    if (survey.coding.toLowerCase() !== "chunked")
      return fault(502, "the answer's Transfer-Encoding is not exactly chunked");
    return { kind: "framing", end: "chunked", length: undefined };
  }
  if (survey.lengths === 0) return { kind: "framing", end: "close", length: undefined };
  if (survey.lengths > 1) return fault(502, "the answer has more than one Content-Length");
  const length = readContentLength(survey.length);
  if (length === undefined) return fault(502, "the answer's Content-Length is not a plain number");
  if (length > Number.MAX_SAFE_INTEGER)
    return fault(502, "the answer's Content-Length is too large");
  return { kind: "framing", end: "length", length };
}

/** RFC 6455 §4.1: the answer proves that the backend read this very handshake. */
function isAccepted(survey: Survey, key: string | undefined, hasOption: boolean): boolean {
  if (key === undefined || !hasOption || survey.upgrade?.toLowerCase() !== "websocket")
    return false;
  return survey.accepts === 1 && survey.accept === acceptOf(key);
}

/** Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${WEBSOCKET_GUID}`).digest("base64");
}
