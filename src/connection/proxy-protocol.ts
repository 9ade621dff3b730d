import { isIPv4 } from "node:net";
import type { ConnectionEnds, Endpoint } from "../base/connection-ends.ts";
import { addressOf, parseSocketAddress } from "../base/ip-address.ts";
import { limits } from "../config/limits.ts";
import { crc32c } from "./crc32c.ts";
import type { PartialRead } from "./first-bytes.ts";
import { Fields } from "./tls-fields.ts";

/**
 * A header of the PROXY protocol (haproxy.org, proxy-protocol.txt of 2026-04-27), which a load balancer
 * sends in front of everything else. `length`: what follows it is the connection.
 */
export type ProxyHeader =
  | { readonly kind: "proxied"; readonly ends: ConnectionEnds; readonly length: number }
  /** Of the load balancer's own making (LOCAL), or of a kind without addresses: those of the socket count. */
  | { readonly kind: "local"; readonly length: number }
  | { readonly kind: "malformed"; readonly why: string };

/** §2.1: the longest line of version 1, with its end. */
const LINE_MAX_BYTES = 107;
const LINE_START = Buffer.from("PROXY ");
/** §2.2. */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FIXED_BYTES = 16;
const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
/** Family and transport → how many bytes one address has; all others are to be refused. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 4],
  [0x12, 4], // UDP: QUIC at the load balancer
  [0x21, 16],
  [0x22, 16],
  [0x31, 108],
  [0x32, 108],
]);
const UNIX_ADDRESS_BYTES = 108;
const TLV_CRC32C = 0x03;
const CRC32C_BYTES = 4;
const TLV_HEADER_BYTES = 3;

/** An IPv4 address in IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED_START = Buffer.from("00000000000000000000ffff", "hex");
/** No leading zeros (§2.1). */
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

/**
 * Reads the header that a listed load balancer must send, of either version. Pure, never throws. The
 * length of version 2 is bounded by `limits.proxyHeaderMaxBytes`, whatever TLVs are in it.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader | PartialRead {
  if (startsWith(bytes, SIGNATURE)) return readBinary(bytes);
  if (startsWith(bytes, LINE_START)) return readLine(bytes);
  return malformed("no PROXY header");
}

/** Do these look like a header, as far as they have come? For whoever wonders why there is no hello. */
export function looksProxied(bytes: Buffer): boolean {
  return startsWith(bytes, SIGNATURE) || startsWith(bytes, LINE_START);
}

function startsWith(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

/** §2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n`. */
function readLine(bytes: Buffer): ProxyHeader | PartialRead {
  const line = bytes.subarray(0, LINE_MAX_BYTES);
  const end = line.indexOf("\n");
  if (end === -1) {
    return line.length < LINE_MAX_BYTES
      ? { kind: "partial", wantsBytes: bytes.length + 1 }
      : malformed("a line of more than 107 bytes");
  }
  const text = line.toString("latin1", 0, end - 1);
  if (line[end - 1] !== 0x0d || text.includes("\r")) return malformed("a line without CRLF");
  const length = end + 1;
  const [, family, ...rest] = text.split(" ");
  if (family === "UNKNOWN") return { kind: "local", length };
  if (family !== "TCP4" && family !== "TCP6") return malformed("a family that is not known");
  const [source, destination, sourcePort, destinationPort, ...more] = rest;
  if (more.length > 0) return malformed("more than two addresses and two ports");
  const ends = endsOf(
    lineEndpoint(family, source, sourcePort),
    lineEndpoint(family, destination, destinationPort),
  );
  return ends ? { kind: "proxied", ends, length } : malformed("addresses that are none");
}

function lineEndpoint(
  family: "TCP4" | "TCP6",
  text: string | undefined,
  port: string | undefined,
): Endpoint | undefined {
  if (text === undefined || port === undefined || !PORT.test(port)) return undefined;
  if (Number(port) > PORT_MAX || isIPv4(text) !== (family === "TCP4") || text.includes("%"))
    return undefined;
  const address = parseSocketAddress(text);
  return address && { address, port: Number(port) };
}

/** §2.2: 16 fixed bytes, the addresses, TLVs. */
function readBinary(bytes: Buffer): ProxyHeader | PartialRead {
  if (bytes.length < FIXED_BYTES) return { kind: "partial", wantsBytes: FIXED_BYTES };
  const [version = 0, family = 0] = bytes.subarray(SIGNATURE.length);
  const command = version - VERSION_2;
  if (command !== LOCAL && command !== PROXY)
    return malformed("a version or command that is not known");
  const length = FIXED_BYTES + bytes.readUInt16BE(FIXED_BYTES - 2);
  if (length > limits.proxyHeaderMaxBytes) return malformed("too large");
  if (bytes.length < length) return { kind: "partial", wantsBytes: length };
  const header = bytes.subarray(0, length);
  // §2.2: whatever a LOCAL header holds is to be thrown away.
  return command === LOCAL ? { kind: "local", length } : readProxied(header, family);
}

function readProxied(header: Buffer, family: number): ProxyHeader {
  const size = ADDRESS_BYTES.get(family);
  if (size === undefined) return malformed("a family that is not known");
  const hasPorts = size > 0 && size < UNIX_ADDRESS_BYTES;
  const fields = new Fields(header.subarray(FIXED_BYTES));
  const source = fields.take(size)?.bytes();
  const destination = fields.take(size)?.bytes();
  const sourcePort = hasPorts ? fields.number(2) : 0;
  const destinationPort = hasPorts ? fields.number(2) : 0;
  if (!source || !destination || sourcePort === undefined || destinationPort === undefined)
    return malformed("cut short in its addresses");
  const fault = tlvFault(header, FIXED_BYTES + 2 * size + (hasPorts ? 4 : 0));
  if (fault !== undefined) return malformed(fault);
  if (!hasPorts) return { kind: "local", length: header.length };
  const ends = endsOf(
    binaryEndpoint(source, sourcePort),
    binaryEndpoint(destination, destinationPort),
  );
  return ends
    ? { kind: "proxied", ends, length: header.length }
    : malformed("addresses that are none");
}

/** §2.2.7: type, length, value; the values mean nothing to us but for the checksum (§2.2.4), which must be right. */
function tlvFault(header: Buffer, start: number): string | undefined {
  let isChecked = false;
  let at = start;
  while (at < header.length) {
    const valueAt = at + TLV_HEADER_BYTES;
    if (valueAt > header.length) return "a TLV that is cut short";
    const next = valueAt + header.readUInt16BE(at + 1);
    if (next > header.length) return "a TLV that is cut short";
    if (header[at] === TLV_CRC32C) {
      if (isChecked || next - valueAt !== CRC32C_BYTES) return "a checksum that is none";
      if (!hasChecksum(header, valueAt)) return "a wrong checksum";
      isChecked = true;
    }
    at = next;
  }
  return undefined;
}

/** §2.2.4: over the whole header, with zeros in place of the checksum. */
function hasChecksum(header: Buffer, at: number): boolean {
  const zeroed = Buffer.from(header);
  zeroed.fill(0, at, at + CRC32C_BYTES);
  return crc32c(zeroed) === header.readUInt32BE(at);
}

function binaryEndpoint(octets: Buffer, port: number): Endpoint | undefined {
  const isMapped = octets.length > 4 && startsWith(octets, MAPPED_START);
  const address = addressOf(isMapped ? octets.subarray(MAPPED_START.length) : octets);
  return address && { address, port };
}

function endsOf(
  source: Endpoint | undefined,
  destination: Endpoint | undefined,
): ConnectionEnds | undefined {
  return source && destination && { source, destination };
}

function malformed(why: string): ProxyHeader {
  return { kind: "malformed", why };
}
