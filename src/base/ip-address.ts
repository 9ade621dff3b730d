import { isIP, isIPv4, isIPv6 } from "node:net";

declare const brand: unique symbol;

/** An IP address in the one text form that certificates and ACME know (RFC 8738 §3: dotted decimal, RFC 5952). */
export type IpAddress = string & { readonly [brand]: "IpAddress" };

/** How many octets an iPAddress takes (RFC 5280 §4.2.1.6), and how many hex digits a group of an address. */
const OCTETS = { 4: 4, 6: 16 } as const;
const GROUP_DIGITS = 4;
/** An IPv4 address that a socket for both families reports (RFC 4291 §2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * The only maker of an {@link IpAddress}: an address of either family, without brackets, port or zone.
 * IPv6 comes in any spelling and leaves in one; an IPv4 address inside IPv6 is none, for it has another name.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  switch (isIP(text)) {
    case 4:
      return text as IpAddress;
    case 6:
      return shortest(text);
    default:
      return undefined;
  }
}

/** The address of a socket's own end, as a host is spelled. */
export function parseSocketAddress(text: string | undefined): IpAddress | undefined {
  if (text === undefined) return undefined;
  if (!text.includes(":")) return parseIpAddress(text);
  return parseIpAddress(MAPPED.exec(text)?.[1] ?? text.replace(/%.*$/, ""));
}

/** Asked at each handshake of a name, which is not to be held against all that an IPv6 address may look like. */
export function isIpAddress(text: string): text is IpAddress {
  return text.includes(":") ? isIPv6(text) : isIPv4(text);
}

/** The octets in network order: 4 or 16. */
export function octetsOf(address: IpAddress): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  const digits = [...before, ...zeros, ...after].map((group) => group.padStart(GROUP_DIGITS, "0"));
  return Buffer.from(digits.join(""), "hex");
}

/** The address that 4 or 16 octets are; `undefined` for another number of them. */
export function addressOf(octets: Uint8Array): IpAddress | undefined {
  if (octets.length === OCTETS[4]) return parseIpAddress([...octets].join("."));
  if (octets.length !== OCTETS[6]) return undefined;
  const groups = Buffer.from(octets).toString("hex").match(/.{4}/g) ?? [];
  return parseIpAddress(groups.join(":"));
}

/** The name under which the reverse tree of DNS holds the address (RFC 1035 §3.5, RFC 3596 §2.5), which a TLS-ALPN-01 hello asks for (RFC 8738 §6). */
export function reverseNameOf(address: IpAddress): string {
  const octets = octetsOf(address);
  if (octets.length === OCTETS[4]) return `${[...octets].reverse().join(".")}.in-addr.arpa`;
  return `${[...octets.toString("hex")].reverse().join(".")}.ip6.arpa`;
}

/** The address whose {@link reverseNameOf} `name` is; `undefined` for every other name. */
export function addressOfReverse(name: string): IpAddress | undefined {
  const [, labels = "", tree] = /^([0-9a-f.]+)\.(in-addr|ip6)\.arpa$/.exec(name) ?? [];
  const parts = labels.split(".").reverse();
  const address =
    tree === "in-addr"
      ? parseIpAddress(parts.join("."))
      : addressOf(Buffer.from(parts.join(""), "hex"));
  return address !== undefined && reverseNameOf(address) === name ? address : undefined;
}

/** RFC 5952 by way of the URL standard, which says the same but for IPv4 inside IPv6. */
function shortest(text: string): IpAddress | undefined {
  const url = URL.parse(`http://[${text}]/`); // no zone gets through
  const address = url?.hostname.slice(1, -1);
  if (address === undefined || address.startsWith("::ffff:")) return undefined;
  return address as IpAddress;
}
