import { METHODS } from "../base/node-http.ts";
import type { UriHost } from "../base/uri-host.ts";
import { hostOf, isPlainly } from "./authority.ts";
import { type ConnectionOptions, NO_OPTIONS, readConnection } from "./connection-options.ts";
import { readContentLength } from "./content-length.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import type { RequestHead } from "./head.ts";

/** Whose requests a connection may carry. */
export interface Site {
  /** The name the connection was opened for, if it had to be. */
  readonly host: UriHost | undefined;
  /** Is this other name served on the same connection too? */
  answersFor(host: UriHost): boolean;
  /** Does the connection end with its one answer? Then Upgrade may be ignored (RFC 9110 §7.8). */
  readonly ignoresUpgrade?: boolean;
}

/** How a body is delimited (RFC 9112 §6). */
export type Framing = "none" | "length" | "chunked";

/** A request that passed the gate: every value in it has one reading. */
export interface Admitted {
  readonly kind: "admitted";
  readonly head: RequestHead;
  readonly method: string;
  /** Path and query, or `*`. */
  readonly target: string;
  readonly host: UriHost;
  /** The host as the client spelled it, with its port. */
  readonly authority: string;
  readonly framing: Framing;
  /** Bytes of the body with framing `length`, else 0. */
  readonly contentLength: number;
  /** Sec-WebSocket-Key of a request to become a WebSocket. */
  readonly webSocketKey: string | undefined;
  readonly expectsContinue: boolean;
  /** Does the client want the connection kept? */
  readonly keepsAlive: boolean;
  /** Does the client take trailer fields (`TE: trailers`)? */
  readonly takesTrailers: boolean;
  /** Fields that Connection names, in lower case. */
  readonly named: readonly string[];
}

const methods: ReadonlySet<string> = new Set(METHODS);

/**
 * The gate: decides whether a request may be understood at all. Node's parser lets 33 of 87 hostile
 * requests through (two Hosts, `TE: gzip, chunked`, odd targets …); here each is refused, and after a
 * refusal the connection is closed, since nobody knows where the next request starts.
 */
export function admit(head: RequestHead, site: Site): Admitted | Fault {
  const method = admitMethod(head.method);
  if (typeof method !== "string") return method;
  const survey = surveyOf(head.fields);
  const connection =
    survey.connection === undefined ? NO_OPTIONS : readConnection(survey.connection);
  if ("kind" in connection) return connection;
  const addressee = admitHost(head, survey, site);
  if (addressee.kind === "fault") return addressee;
  const body = admitBody(head, survey);
  if (body.kind === "fault") return body;
  const webSocketKey = site.ignoresUpgrade
    ? undefined
    : admitUpgrade(head, survey, connection, body.framing);
  if (typeof webSocketKey === "object") return webSocketKey;
  const expectsContinue = admitExpect(head, survey);
  if (typeof expectsContinue === "object") return expectsContinue;
  return {
    kind: "admitted",
    head,
    method,
    target: addressee.target,
    host: addressee.host,
    authority: addressee.authority,
    framing: body.framing,
    contentLength: body.contentLength,
    webSocketKey,
    expectsContinue: expectsContinue && body.framing !== "none",
    keepsAlive: head.minor === 1 ? !connection.close : connection.keepAlive && !connection.close,
    takesTrailers: survey.te !== undefined && /(?:^|[\s,])trailers(?:[\s,;]|$)/i.test(survey.te),
    named: connection.named,
  };
}

/** What one pass over the fields finds: the values the gate asks about, and how often each occurs. */
interface Survey {
  hosts: number;
  host: string;
  lengths: number;
  length: string;
  codings: number;
  coding: string;
  upgrades: number;
  upgrade: string;
  keys: number;
  key: string;
  /** Values of repeated fields are joined with commas, as lists may be (RFC 9110 §5.3). */
  connection: string | undefined;
  expect: string | undefined;
  te: string | undefined;
}

function surveyOf(fields: Fields): Survey {
  const survey: Survey = {
    hosts: 0,
    host: "",
    lengths: 0,
    length: "",
    codings: 0,
    coding: "",
    upgrades: 0,
    upgrade: "",
    keys: 0,
    key: "",
    connection: undefined,
    expect: undefined,
    te: undefined,
  };
  for (let index = 0; index < fields.count; index += 1) note(survey, fields, index);
  return survey;
}

function note(survey: Survey, fields: Fields, index: number): void {
  switch (fields.names[index]) {
    case "host":
      survey.hosts += 1;
      survey.host = fields.value(index);
      break;
    case "content-length":
      survey.lengths += 1;
      survey.length = fields.value(index);
      break;
    case "transfer-encoding":
      survey.codings += 1;
      survey.coding = fields.value(index);
      break;
    case "connection":
      survey.connection = joined(survey.connection, fields.value(index));
      break;
    case "upgrade":
      survey.upgrades += 1;
      survey.upgrade = fields.value(index);
      break;
    case "sec-websocket-key":
      survey.keys += 1;
      survey.key = fields.value(index);
      break;
    case "expect":
      survey.expect = joined(survey.expect, fields.value(index));
      break;
    case "te":
      survey.te = joined(survey.te, fields.value(index));
      break;
    default: // says nothing about framing or addressee
  }
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before},${value}`;
}

/** Methods beyond those that are registered get 501 (RFC 9110 §9.1); a tunnel or an echo is not offered. */
function admitMethod(method: string): string | Fault {
  if (method === "GET") return method;
  if (method === "CONNECT" || method === "TRACE") return fault(405, `${method} is not offered`);
  if (!methods.has(method)) return fault(501, "the method is not known");
  return method;
}

interface Addressee {
  readonly kind: "addressee";
  readonly host: UriHost;
  readonly authority: string;
  readonly target: string;
}

/** RFC 9112 §3.2: exactly one Host, whatever the form; the authority of an absolute target beats it. */
function admitHost(head: RequestHead, survey: Survey, site: Site): Addressee | Fault {
  if (survey.hosts !== 1) return fault(400, "there is not exactly one Host");
  let { target } = head;
  let authority = survey.host;
  if (target.charCodeAt(0) !== 47) {
    const form = readForm(head);
    if (form.kind === "fault") return form;
    if (form.authority !== undefined) {
      const ignored = hostOf(authority);
      if (typeof ignored === "object" && ignored.status === 400) return ignored;
      authority = form.authority;
    }
    target = form.target;
  }
  const expected = site.host;
  const host =
    expected !== undefined && isPlainly(authority, expected) ? expected : hostOf(authority);
  if (typeof host !== "string") return host;
  if (host !== expected && !site.answersFor(host))
    return fault(421, "the host is not the one this connection was opened for");
  return { kind: "addressee", host, authority, target };
}

interface Form {
  readonly kind: "form";
  readonly authority: string | undefined;
  readonly target: string;
}

const ABSOLUTE = /^https?:\/\/([^/?]*)(.*)$/i;

/** Targets that do not start with `/` (RFC 9112 §3.2.2, §3.2.4). */
function readForm(head: RequestHead): Form | Fault {
  if (head.target === "*") {
    if (head.method !== "OPTIONS") return fault(400, "the target * belongs to OPTIONS");
    return { kind: "form", authority: undefined, target: "*" };
  }
  const match = ABSOLUTE.exec(head.target);
  if (match === null) return fault(400, "the target is neither a path nor an http URL");
  const [, authority = "", rest = ""] = match;
  if (rest === "" && head.method === "OPTIONS") return { kind: "form", authority, target: "*" };
  return { kind: "form", authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

interface BodyFraming {
  readonly kind: "body";
  readonly framing: Framing;
  readonly contentLength: number;
}

const NO_BODY: BodyFraming = { kind: "body", framing: "none", contentLength: 0 };
const CHUNKED: BodyFraming = { kind: "body", framing: "chunked", contentLength: 0 };
/** Codings we know of and do not do, with chunked last as it must be. */
const UNDONE_CODINGS = /^(?:(?:gzip|x-gzip|deflate|compress|x-compress)[ \t]*,[ \t]*)+chunked$/i;

/** RFC 9112 §6.3, where it lets a recipient choose: refuse. */
function admitBody(head: RequestHead, survey: Survey): BodyFraming | Fault {
  if (survey.codings > 0) {
    if (survey.lengths > 0) return fault(400, "there are Content-Length and Transfer-Encoding");
    if (survey.codings > 1) return fault(400, "there is more than one Transfer-Encoding");
    if (head.minor === 0) return fault(400, "HTTP/1.0 has no Transfer-Encoding");
    if (UNDONE_CODINGS.test(survey.coding)) return fault(501, "the transfer coding is not done");
    if (survey.coding.toLowerCase() !== "chunked")
      return fault(400, "Transfer-Encoding is not exactly chunked");
    return CHUNKED;
  }
  if (survey.lengths === 0) return NO_BODY;
  if (survey.lengths > 1) return fault(400, "there is more than one Content-Length");
  const contentLength = readContentLength(survey.length);
  if (contentLength === undefined) return fault(400, "Content-Length is not a plain number");
  if (contentLength > Number.MAX_SAFE_INTEGER) return fault(400, "Content-Length is too large");
  return { kind: "body", framing: "length", contentLength };
}

/** RFC 6455 §4.1: 16 bytes in base64. */
const WEBSOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/**
 * The key of a WebSocket handshake, `undefined` when nothing is to be upgraded. Anything else that
 * would turn the connection into something we cannot see into is refused (h2c smuggling, RFC 9931).
 */
function admitUpgrade(
  head: RequestHead,
  survey: Survey,
  connection: ConnectionOptions,
  framing: Framing,
): string | undefined | Fault {
  // RFC 9110 §7.8: without the option, or in HTTP/1.0, Upgrade is ignored (and goes no further).
  if (survey.upgrades === 0 || !connection.upgrade || head.minor === 0) return undefined;
  if (survey.upgrades > 1) return fault(400, "there is more than one Upgrade");
  if (survey.upgrade.toLowerCase() !== "websocket")
    return fault(400, "Upgrade is to something other than websocket");
  if (head.method !== "GET") return fault(400, "a WebSocket starts with GET");
  if (framing !== "none") return fault(400, "a WebSocket starts without a body");
  if (survey.keys !== 1) return fault(400, "there is not exactly one Sec-WebSocket-Key");
  if (!WEBSOCKET_KEY.test(survey.key)) return fault(400, "Sec-WebSocket-Key is malformed");
  return survey.key;
}

/** RFC 9110 §10.1.1: ignored in HTTP/1.0; nothing but 100-continue is known. */
function admitExpect(head: RequestHead, survey: Survey): boolean | Fault {
  if (survey.expect === undefined || head.minor === 0) return false;
  if (survey.expect.toLowerCase() !== "100-continue")
    return fault(417, "Expect asks for something other than 100-continue");
  return true;
}
