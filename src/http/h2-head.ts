import { randomBytes } from "node:crypto";
import { limits } from "../config/limits.ts";
import { CONNECTION_SPECIFIC } from "./connection-specific.ts";
import { type Fault, Fields, fault, scanFields, targetEnd, tokenEnd, valueEnd } from "./fields.ts";
import type { RequestHead } from "./head.ts";

/** Method names longer than any that is registered end here, as with HTTP/1.1. */
const METHOD_MAX_BYTES = 32;
/** HTTP2-Settings (RFC 7540 §3.2.1) belongs to an upgrade that is no more. */
const REFUSED: ReadonlySet<string> = new Set([...CONNECTION_SPECIFIC, "http2-settings"]);
const UPPER_CASE = /[A-Z]/;
const SPACE_AT_END = /^[ \t]|[ \t]$/;
const PSEUDO: ReadonlySet<string> = new Set([
  ":method",
  ":scheme",
  ":authority",
  ":path",
  ":protocol",
]);

/**
 * The field section of a request stream (RFC 9113 §8.3.1) as the head of the HTTP/1.1 request that
 * means the same, for the one gate of both. `pairs`: name, value, name, value …, as they came.
 * `isWhole`: nothing follows it. Nothing is written into the head that was not read character by character.
 */
export function readStreamHead(pairs: readonly string[], isWhole: boolean): RequestHead | Fault {
  const section = readSection(pairs);
  if (section.kind === "fault") return section;
  const line = readPseudo(section, isWhole);
  if (line.kind === "fault") return line;
  const text = `${line.lines}${section.lines}${framingLine(section, line, isWhole)}\r\n`;
  const fields = new Fields(text);
  const read = scanFields(text, 0, fields);
  if (typeof read === "object") return read;
  const { method, target } = line;
  return { kind: "head", method, target, minor: 1, fields, length: text.length };
}

/** Trailer fields (RFC 9113 §8.1) as HTTP/1.1 would have them. */
export function readStreamTrailers(pairs: readonly string[]): Fields | Fault {
  const section = readSection(pairs);
  if (section.kind === "fault") return section;
  if (section.pseudo.size > 0) return fault(400, "there is a pseudo-header field in the trailers");
  const text = `${section.lines}\r\n`;
  const fields = new Fields(text);
  const length = scanFields(text, 0, fields);
  return typeof length === "object" ? length : fields;
}

/** What one pass over the fields finds. */
interface Section {
  readonly kind: "section";
  readonly pseudo: Map<string, string>;
  readonly hosts: string[];
  readonly crumbs: string[];
  /** Every field but the pseudo-header fields and Host, in lines. */
  lines: string;
  hasRegular: boolean;
  hasLength: boolean;
}

function readSection(pairs: readonly string[]): Section | Fault {
  const section: Section = {
    kind: "section",
    pseudo: new Map(),
    hosts: [],
    crumbs: [],
    lines: "",
    hasRegular: false,
    hasLength: false,
  };
  if (pairs.length > 2 * limits.headMaxFields) return fault(431, "too many fields");
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] ?? "";
    const value = pairs[at + 1] ?? "";
    const broken = judgeField(name, value) ?? note(section, name, value);
    if (broken !== undefined) return broken;
  }
  // RFC 9113 §8.2.3: one field again for those who know nothing of crumbs.
  if (section.crumbs.length > 0) section.lines += `cookie: ${section.crumbs.join("; ")}\r\n`;
  if (section.lines.length > limits.headMaxBytes)
    return fault(431, "the head is larger than the limit");
  return section;
}

function note(section: Section, name: string, value: string): Fault | undefined {
  if (name.startsWith(":")) {
    if (section.hasRegular || section.pseudo.has(name))
      return fault(400, `${name} comes twice, or late`);
    section.pseudo.set(name, value);
    return undefined;
  }
  section.hasRegular = true;
  section.hasLength ||= name === "content-length";
  if (name === "host") section.hosts.push(value);
  else if (name === "cookie") section.crumbs.push(value);
  else section.lines += `${name}: ${value}\r\n`;
  return undefined;
}

/** RFC 9113 §8.2.1 and §8.2.2, which leave the rest of RFC 9110 in force. */
function judgeField(name: string, value: string): Fault | undefined {
  if (valueEnd(value, 0) !== value.length)
    return fault(400, "a field value holds a control character");
  if (SPACE_AT_END.test(value)) return fault(400, "a field value starts or ends with space");
  if (name.startsWith(":"))
    return PSEUDO.has(name) ? undefined : fault(400, "a pseudo-header field is not known");
  if (name === "" || tokenEnd(name, 0) !== name.length)
    return fault(400, "a field name is not a token");
  if (UPPER_CASE.test(name)) return fault(400, "a field name is not in lower case");
  if (REFUSED.has(name)) return fault(400, "a field speaks of the connection");
  if (name === "te" && value.toLowerCase() !== "trailers")
    return fault(400, "TE says something other than trailers");
  return undefined;
}

interface RequestLine {
  readonly kind: "line";
  readonly method: string;
  readonly target: string;
  /** Host, and the fields of a WebSocket handshake. */
  readonly lines: string;
  readonly isTunnel: boolean;
}

function readPseudo({ pseudo, hosts }: Section, isWhole: boolean): RequestLine | Fault {
  const method = pseudo.get(":method") ?? "";
  const target = pseudo.get(":path") ?? "";
  const protocol = pseudo.get(":protocol");
  const broken =
    judgeMethod(method) ?? judgeProtocol(method, protocol, isWhole) ?? judgeTarget(target);
  if (broken !== undefined) return broken;
  if (pseudo.get(":scheme") !== "https") return fault(400, ":scheme is not https");
  const authority = readAuthority(pseudo.get(":authority"), hosts);
  if (typeof authority !== "string") return authority;
  const lines = `host: ${authority}\r\n`;
  if (protocol === undefined) return { kind: "line", method, target, lines, isTunnel: false };
  return { kind: "line", method: "GET", target, lines: lines + handshake(), isTunnel: true };
}

function judgeMethod(method: string): Fault | undefined {
  if (method.length > METHOD_MAX_BYTES) return fault(400, "the method is too long");
  if (method === "" || tokenEnd(method, 0) !== method.length)
    return fault(400, "there is no :method that is a token");
  return undefined;
}

/** RFC 8441 §4: CONNECT with a protocol, and no protocol without CONNECT. */
function judgeProtocol(
  method: string,
  protocol: string | undefined,
  isWhole: boolean,
): Fault | undefined {
  if (protocol === undefined)
    return method === "CONNECT" ? fault(405, "CONNECT is not offered") : undefined;
  if (method !== "CONNECT") return fault(400, "there is a :protocol without CONNECT");
  if (protocol !== "websocket") return fault(501, "the protocol of CONNECT is not known");
  return isWhole ? fault(400, "a tunnel ends before it begins") : undefined;
}

function judgeTarget(target: string): Fault | undefined {
  if (target.length > limits.targetMaxBytes) return fault(414, "the target is too long");
  if (targetEnd(target, 0) !== target.length || !(target.startsWith("/") || target === "*"))
    return fault(400, "there is no :path that is a path");
  return undefined;
}

/** RFC 9113 §8.3.1: the two say the same, or the request is malformed. */
function readAuthority(authority: string | undefined, hosts: readonly string[]): string | Fault {
  const [host] = hosts;
  if (hosts.length > 1) return fault(400, "there is more than one Host");
  if (authority === undefined) return host ?? fault(400, "there is no :authority");
  if (host !== undefined && host.toLowerCase() !== authority.toLowerCase())
    return fault(400, ":authority and Host are not the same");
  return authority;
}

/** RFC 8441 §5: HTTP/1.1's handshake for a backend, with a key of ours, since HTTP/2 has none. */
function handshake(): string {
  const key = randomBytes(16).toString("base64");
  return `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${key}\r\n`;
}

function framingLine(section: Section, line: RequestLine, isWhole: boolean): string {
  const hasBody = !isWhole && !line.isTunnel && !section.hasLength;
  return hasBody ? "transfer-encoding: chunked\r\n" : "";
}
