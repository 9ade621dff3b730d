import { limits } from "../config/limits.ts";
import { looksProxied } from "./proxy-protocol.ts";
import { Fields } from "./tls-fields.ts";

/** What the first bytes of a connection are. */
export type ClientHello =
  | {
      readonly kind: "complete";
      /** Its 32 random bytes (RFC 8446 §4.1.2), in latin1: no two hellos have the same. */
      readonly random: string;
      /** The one host_name of server_name (RFC 6066 §3) as it was sent, or `undefined` without one. */
      readonly serverName: string | undefined;
      /** The protocols offered (RFC 7301 §3.1), in the client's order; empty without the extension. */
      readonly alpn: readonly string[];
    }
  /** More bytes are needed: nothing can be said before there are `wantsBytes` in all. */
  | { readonly kind: "partial"; readonly wantsBytes: number }
  /** A request line of HTTP instead of TLS. */
  | { readonly kind: "plain-http" }
  | Malformed;

/** Neither TLS that we read, nor plain HTTP. */
export interface Malformed {
  readonly kind: "malformed";
  readonly why: string;
}

/** RFC 8446 §5.1: ContentType handshake, and the record header before each fragment. */
const HANDSHAKE_RECORD = 22;
const RECORD_HEADER_BYTES = 5;
/** RFC 8446 §5.1: the longest fragment, 2^14. */
const FRAGMENT_MAX_BYTES = 16_384;
/** RFC 8446 §4: HandshakeType client_hello, and the type and length before each message. */
const CLIENT_HELLO = 1;
const MESSAGE_HEADER_BYTES = 4;
/** RFC 8446 §4.1.2. */
const VERSION_BYTES = 2;
const RANDOM_BYTES = 32;
const SESSION_ID_MAX_BYTES = 32;
/** RFC 8446 §4.2, RFC 6066 §3. */
const SERVER_NAME = 0;
const ALPN = 16;
const HOST_NAME = 0;

/** RFC 9112 §3: the method and the space after it; the longest one registered is BASELINE-CONTROL. */
const METHOD = /^[A-Z][A-Z-]{0,19}(?<space> )?/;

/** As many as tell `PROXY ` from every method. */
const PROXY_START_BYTES = 6;

/**
 * Reads the ClientHello at the start of `bytes`, which are the raw records received so far. Pure,
 * never throws, copies each byte once at most. Every length must fit and every extension stand
 * once, so that whatever OpenSSL takes for the server name of the same bytes is what this says, or
 * this says `malformed`. Records after the hello (early data) are left alone.
 */
export function readClientHello(bytes: Buffer): ClientHello {
  if (bytes.length === 0) return { kind: "partial", wantsBytes: 1 };
  if (bytes[0] !== HANDSHAKE_RECORD) return readPlainText(bytes);
  const message = joinRecords(bytes);
  return message instanceof Fields ? readMessage(message) : message;
}

/** The body of the handshake message that the records carry (RFC 8446 §5.1). Of one record nothing is copied. */
function joinRecords(bytes: Buffer): Fields | ClientHello {
  const fragments: Buffer[] = [];
  let messageBytes = MESSAGE_HEADER_BYTES;
  let joinedBytes = 0;
  let at = 0;
  while (joinedBytes < messageBytes) {
    if (fragments.length === limits.helloMaxRecords) return malformed("too many records");
    const fragment = readRecord(bytes, at, joinedBytes);
    if (!Buffer.isBuffer(fragment)) return fragment;
    fragments.push(fragment);
    joinedBytes += fragment.length;
    at += RECORD_HEADER_BYTES + fragment.length;
    if (joinedBytes < MESSAGE_HEADER_BYTES) continue;
    const header =
      fragments.length === 1 ? fragment : Buffer.concat(fragments, MESSAGE_HEADER_BYTES);
    if (header[0] !== CLIENT_HELLO) return malformed("not a ClientHello");
    messageBytes = MESSAGE_HEADER_BYTES + header.readUIntBE(1, 3);
    if (messageBytes > limits.helloMaxBytes) return malformed("too large");
  }
  // RFC 8446 §5.1: keys change after this message, so none may follow it in its record.
  if (joinedBytes > messageBytes) return malformed("more than one message in a record");
  const [first = bytes, ...others] = fragments;
  const message = others.length === 0 ? first : Buffer.concat(fragments, joinedBytes);
  return new Fields(message, MESSAGE_HEADER_BYTES);
}

function readRecord(bytes: Buffer, at: number, joinedBytes: number): Buffer | ClientHello {
  const start = at + RECORD_HEADER_BYTES;
  if (bytes.length < start) return { kind: "partial", wantsBytes: start };
  // RFC 8446 §5.1: other types may not come between, and the minor version says nothing.
  if (bytes[at] !== HANDSHAKE_RECORD) return malformed("another record inside the message");
  if (bytes[at + 1] !== 3) return malformed("a record of another protocol");
  const length = bytes.readUInt16BE(at + 3);
  if (length === 0) return malformed("an empty handshake record");
  if (length > FRAGMENT_MAX_BYTES || joinedBytes + length > limits.helloMaxBytes) {
    return malformed("too large");
  }
  const end = start + length;
  return bytes.length < end ? { kind: "partial", wantsBytes: end } : bytes.subarray(start, end);
}

/** RFC 8446 §4.1.2. */
function readMessage(fields: Fields): ClientHello {
  const version = fields.take(VERSION_BYTES);
  const random = fields.take(RANDOM_BYTES)?.text();
  const sessionId = fields.vector(1);
  const cipherSuites = fields.vector(2);
  const compressions = fields.vector(1);
  if (!version || random === undefined || !sessionId || !cipherSuites || !compressions) {
    return malformed("cut short");
  }
  if (
    sessionId.left > SESSION_ID_MAX_BYTES ||
    cipherSuites.left < 2 ||
    cipherSuites.left % 2 === 1 ||
    compressions.left === 0
  ) {
    return malformed("a field of a length that it cannot have");
  }
  // Before TLS 1.3 the extensions could be left out as a whole (RFC 5246 §7.4.1.2).
  if (fields.left === 0) return { kind: "complete", random, serverName: undefined, alpn: [] };
  const extensions = fields.vector(2);
  if (!extensions || fields.left > 0) return malformed("extensions that do not fill the message");
  return readExtensions(extensions, random);
}

function readExtensions(block: Fields, random: string): ClientHello {
  const extensions = splitExtensions(block);
  if ("kind" in extensions) return extensions;
  const serverName = extensions.serverName && readServerName(extensions.serverName);
  if (extensions.serverName && serverName === undefined)
    return malformed("a server_name that is not one name");
  const alpn = extensions.alpn ? readProtocols(extensions.alpn) : [];
  if (alpn === undefined) return malformed("a list of protocols that is not one");
  return { kind: "complete", random, serverName, alpn };
}

/** The extensions that are read here. */
interface Extensions {
  readonly serverName: Fields | undefined;
  readonly alpn: Fields | undefined;
}

/** RFC 8446 §4.2: none of them twice. Unknown ones, GREASE (RFC 8701) too, mean nothing. */
function splitExtensions(block: Fields): Extensions | Malformed {
  const types = new Set<number>();
  let serverName: Fields | undefined;
  let alpn: Fields | undefined;
  while (block.left > 0) {
    const type = block.number(2);
    const body = block.vector(2);
    if (type === undefined || !body) return malformed("an extension that is cut short");
    if (types.has(type)) return malformed("an extension twice");
    types.add(type);
    if (type === SERVER_NAME) serverName = body;
    else if (type === ALPN) alpn = body;
  }
  return { serverName, alpn };
}

/** RFC 6066 §3. The list can hold one name: a second of its type is forbidden, no other type exists. */
function readServerName(body: Fields): string | undefined {
  const list = body.vector(2);
  if (!list || body.left > 0 || list.number(1) !== HOST_NAME) return undefined;
  const name = list.vector(2);
  return name && name.left > 0 && list.left === 0 ? name.text() : undefined;
}

/** RFC 7301 §3.1. */
function readProtocols(body: Fields): readonly string[] | undefined {
  const list = body.vector(2);
  if (!list || list.left === 0 || body.left > 0) return undefined;
  const protocols: string[] = [];
  while (list.left > 0) {
    const protocol = list.vector(1);
    if (!protocol || protocol.left === 0) return undefined;
    protocols.push(protocol.text());
  }
  return protocols;
}

function readPlainText(bytes: Buffer): ClientHello {
  if (looksProxied(bytes)) return readUnexpectedHeader(bytes);
  const start = bytes.toString("latin1", 0, 21);
  const method = METHOD.exec(start);
  if (method?.groups?.["space"]) return { kind: "plain-http" };
  const isWholeStart = method?.[0].length === bytes.length;
  if (isWholeStart) return { kind: "partial", wantsBytes: bytes.length + 1 };
  return malformed("not TLS");
}

/** A header is read from listed load balancers alone, and never here. `P` may still begin `POST`. */
function readUnexpectedHeader(bytes: Buffer): ClientHello {
  return bytes.length < PROXY_START_BYTES
    ? { kind: "partial", wantsBytes: bytes.length + 1 }
    : malformed("a PROXY header from a peer that listen.proxyProtocol does not list");
}

function malformed(why: string): Malformed {
  return { kind: "malformed", why };
}
