import type { ConnectionEnds, Endpoint } from "../base/connection-ends.ts";
import { octetsOf } from "../base/ip-address.ts";

/** proxy-protocol.txt §2.2: the signature, version 2 with its two commands, TCP over either family. */
const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const PROXY_COMMAND = 0x21;
const LOCAL_COMMAND = 0x20;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** An IPv4 address in IPv6 (RFC 4291 §2.5.5.2), for the rare client whose two ends are of two families. */
const MAPPED = "::ffff:";
const MAPPED_START = Buffer.from("00000000000000000000ffff", "hex");
const IPV4_OCTETS = 4;

/** The header that tells a backend whose connection this is, to be sent before everything else. */
export function writeProxyHeader(version: "v1" | "v2", ends: ConnectionEnds): Buffer {
  return version === "v1" ? writeLine(ends) : writeBinary(ends);
}

/** The header of a connection of our own, behind which is no client. */
export function writeLocalHeader(version: "v1" | "v2"): Buffer {
  if (version === "v1") return Buffer.from("PROXY UNKNOWN\r\n");
  return Buffer.concat([SIGNATURE, Buffer.of(LOCAL_COMMAND, 0, 0, 0)]);
}

function writeLine(ends: ConnectionEnds): Buffer {
  const isV4 = areV4(ends);
  const spelled = ({ address }: Endpoint) =>
    isV4 || address.includes(":") ? address : `${MAPPED}${address}`;
  const { source, destination } = ends;
  const addresses = `${spelled(source)} ${spelled(destination)}`;
  const family = isV4 ? "TCP4" : "TCP6";
  return Buffer.from(`PROXY ${family} ${addresses} ${source.port} ${destination.port}\r\n`);
}

function writeBinary(ends: ConnectionEnds): Buffer {
  const isV4 = areV4(ends);
  const octets = ({ address }: Endpoint) => {
    const own = octetsOf(address);
    return isV4 || own.length > IPV4_OCTETS ? own : Buffer.concat([MAPPED_START, own]);
  };
  const { source, destination } = ends;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const block = Buffer.concat([octets(source), octets(destination), ports]);
  const fixed = Buffer.of(PROXY_COMMAND, isV4 ? TCP4 : TCP6, 0, block.length);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

function areV4({ source, destination }: ConnectionEnds): boolean {
  return !source.address.includes(":") && !destination.address.includes(":");
}
