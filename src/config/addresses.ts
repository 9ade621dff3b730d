import { isIP } from "node:net";
import { cloudflareRanges } from "../base/cdn.ts";
import { parseHostname } from "../base/hostname.ts";
import type { ListenAddress } from "./config.ts";
import type { TcpAddress } from "./destination.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** Descriptors 0-2 are standard input, output and error. */
const FIRST_FD = 3;
const FD = /^fd:(\d{1,6})$/;
/** `:port`, `name:port`, `1.2.3.4:port`, `[v6]:port`. */
const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:/?#@\s]*)):(\d{1,5})$/;
/** Names of machines and containers: as host names, but `_` occurs in them. */
const MACHINE_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/;
const CIDR = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/;

/** `:443`, `host:port`, `[v6]:port` or `fd:N`. Port 0 is any free one. */
export function readListenAddress(text: string): Reading<ListenAddress> {
  const fd = FD.exec(text)?.[1];
  if (fd !== undefined) {
    return Number(fd) >= FIRST_FD
      ? read({ kind: "fd", fd: Number(fd) })
      : wrong("is a standard stream, wanted a descriptor of 3 or more such as fd:3");
  }
  const parts = splitHostPort(text);
  if (!parts.ok) return parts;
  const { host, port } = parts.value;
  if (host === "") return read({ kind: "tcp", host: undefined, port });
  if (isIP(host) === 0 && parseHostname(host) === undefined) {
    return wrong("has no valid host, wanted an address such as :443 or 127.0.0.1:443");
  }
  return read({ kind: "tcp", host, port });
}

/** `host:port` or `[v6]:port` to connect to: the port from 1, the host an IP address or a name. */
export function readTcpAddress(text: string): Reading<TcpAddress> {
  const parts = splitHostPort(text);
  if (!parts.ok) return parts;
  const { host, port } = parts.value;
  if (port === 0) return wrong("has port 0, wanted 1 to 65535");
  return isMachine(host)
    ? read({ host, port })
    : wrong("has no valid host, wanted host:port such as 127.0.0.1:3001");
}

/** Can a connection be made to this: an IP address (no brackets), or a name of DNS or of a container? */
export function isMachine(host: string): boolean {
  if (isIP(host) !== 0) return true;
  const looksNumeric = /^[0-9.]+$/.test(host);
  return !looksNumeric && MACHINE_NAME.test(host.toLowerCase()) && !host.includes("..");
}

/** `10.0.0.0/8`, `2001:db8::/32`; one address stands for itself alone. */
export function readCidr(text: string): Reading<string> {
  const [, address = "", prefix] = CIDR.exec(text) ?? [];
  const version = isIP(address);
  const bits = version === 4 ? 32 : 128;
  if (version === 0 || Number(prefix ?? bits) > bits) {
    return wrong("is not a range of addresses, wanted one such as 10.0.0.0/8");
  }
  return read(`${address}/${Number(prefix ?? bits)}`);
}

/** A name server: an IP address, on port 53 unless one is written. */
export function readNameServer(text: string): Reading<string> {
  const parts = isIP(text) === 0 ? splitHostPort(text) : read({ host: text, port: limits.dnsPort });
  if (!parts.ok) return parts;
  const { host, port } = parts.value;
  const version = isIP(host);
  if (version === 0 || port === 0)
    return wrong("is not the address of a name server, wanted one such as 9.9.9.9");
  return read(version === 6 ? `[${host}]:${port}` : `${host}:${port}`);
}

/** An entry of `trustedProxies`: a range, or a word for the ranges of a network. */
export function readTrustedProxy(text: string): Reading<readonly string[]> {
  if (text === "cloudflare") return read(cloudflareRanges);
  const range = readCidr(text);
  return range.ok
    ? read([range.value])
    : wrong("is not a range of addresses, wanted cloudflare, or one such as 10.0.0.0/8");
}

/** `trustedProxies` as one word. */
export function readTrustedProxies(text: string): Reading<readonly string[]> {
  return text === "cloudflare"
    ? read(cloudflareRanges)
    : wrong("is text, wanted cloudflare, or a list such as [10.0.0.0/8]");
}

/** The name of a backend's certificate, which is also sent as SNI. */
export function readServerName(text: string): Reading<string> {
  return isMachine(text)
    ? read(text)
    : wrong("is not a host name, wanted one such as app.internal");
}

function splitHostPort(text: string): Reading<TcpAddress> {
  const [, v6, name = "", digits] = HOST_PORT.exec(text) ?? [];
  if (digits === undefined) {
    return isIP(text) === 6 || text.split(":").length > 2
      ? wrong("is not an address, wanted [ ] around an IPv6 address such as [::1]:443")
      : wrong("is not an address, wanted host:port such as 127.0.0.1:443");
  }
  if (v6 !== undefined && isIP(v6) !== 6)
    return wrong("has no IPv6 address in [ ], wanted one such as [::1]:443");
  const port = Number(digits);
  return port <= limits.portMax
    ? read({ host: v6 ?? name, port })
    : wrong(`has a port out of range, wanted one up to ${limits.portMax}`);
}
