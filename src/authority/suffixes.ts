import { contextConstructed, contextPrimitive, type Der, sequence } from "../acme/der.ts";
import { isUnder, parsePlain } from "../base/hostname.ts";
import { type IpAddress, isIpAddress, octetsOf, parseIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";

/** Names that no public CA certifies (RFC 6761, RFC 8375, and ICANN's `.internal`). */
const OWN: readonly string[] = ["localhost", "internal", "test", "home.arpa"];

/**
 * Every suffix and address this authority certifies: its own four and those of `authority.permit`, sorted,
 * without those that another one covers already: two lists that mean the same are equal.
 *
 * @throws {TypeError} for what is neither a host name nor an address: the configuration lets none through.
 */
export function suffixesWith(permit: readonly string[]): readonly string[] {
  const all = [...OWN, ...permit.map(readSuffix)];
  const widest = all.filter((suffix) => !all.some((o) => o !== suffix && isUnder(suffix, o)));
  return [...new Set(widest)].sort();
}

/** Does one of the suffixes cover the name, or is the address one of them? */
export function isPermitted(host: UriHost, suffixes: readonly string[]): boolean {
  if (isIpAddress(host)) return suffixes.includes(host);
  return suffixes.some((suffix) => isUnder(host, suffix));
}

/** GeneralName of RFC 5280 §4.2.1.6. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/**
 * The value of a nameConstraints extension (RFC 5280 §4.2.1.10) that leaves a CA these suffixes and
 * the names under them, and these addresses. A family without an address among them is excluded as a
 * whole: a list of permitted names alone says nothing about it, and an exclusion beats any permission.
 */
export function nameConstraints(suffixes: readonly string[]): Der {
  const addresses = suffixes.filter(isIpAddress);
  const names = suffixes.filter((suffix) => !isIpAddress(suffix));
  const permitted = [
    ...names.map((name) => contextPrimitive(DNS_NAME, Buffer.from(name, "latin1"))),
    ...addresses.map((address) => contextPrimitive(IP_ADDRESS, single(address))),
  ];
  const excluded = [4, 16]
    .filter((octets) => !addresses.some((address) => octetsOf(address).length === octets))
    .map((octets) => contextPrimitive(IP_ADDRESS, Buffer.alloc(2 * octets))); // 0.0.0.0/0, ::/0
  const subtrees = (tag: number, bases: readonly Der[]) =>
    bases.length === 0 ? [] : [contextConstructed(tag, ...bases.map((base) => sequence(base)))];
  return sequence(...subtrees(0, permitted), ...subtrees(1, excluded));
}

/** An address range is address and mask. */
function single(address: IpAddress): Buffer {
  const octets = octetsOf(address);
  return Buffer.concat([octets, Buffer.alloc(octets.length, 0xff)]);
}

function readSuffix(text: string): UriHost {
  const suffix = parsePlain(text) ?? parseIpAddress(text);
  if (suffix === undefined)
    throw new TypeError(`Cannot permit "${text}": it is neither a host name nor an address`);
  return suffix;
}
