import { contextConstructed, contextPrimitive, type Der, sequence } from "../acme/der.ts";
import { type Hostname, isUnder, parsePlain } from "../base/hostname.ts";

/** Names that no public CA certifies (RFC 6761, RFC 8375, and ICANN's `.internal`). */
const OWN: readonly string[] = ["localhost", "internal", "test", "home.arpa"];

/**
 * Every suffix this authority certifies: its own four and those of `authority.permit`, sorted, without
 * those that another one covers already: two lists that mean the same are equal.
 *
 * @throws {TypeError} for a suffix that is not a host name: the configuration lets none through.
 */
export function suffixesWith(permit: readonly string[]): readonly string[] {
  const all = [...OWN, ...permit.map(readSuffix)];
  const widest = all.filter((suffix) => !all.some((o) => o !== suffix && isUnder(suffix, o)));
  return [...new Set(widest)].sort();
}

/** Does one of the suffixes cover the name? */
export function isPermitted(host: Hostname, suffixes: readonly string[]): boolean {
  return suffixes.some((suffix) => isUnder(host, suffix));
}

/**
 * The value of a nameConstraints extension (RFC 5280 §4.2.1.10) that leaves a CA these suffixes and
 * the names under them. IP addresses are excluded as a whole: a list of permitted DNS names alone
 * says nothing about them.
 */
export function nameConstraints(suffixes: readonly string[]): Der {
  const permitted = suffixes.map((s) => sequence(contextPrimitive(2, Buffer.from(s, "latin1"))));
  // An address range is address and mask: 0.0.0.0/0 and ::/0.
  const addresses = [8, 32].map((bytes) => sequence(contextPrimitive(7, Buffer.alloc(bytes))));
  return sequence(contextConstructed(0, ...permitted), contextConstructed(1, ...addresses));
}

function readSuffix(text: string): Hostname {
  const suffix = parsePlain(text);
  if (suffix === undefined) throw new TypeError(`Cannot permit "${text}": it is not a host name`);
  return suffix;
}
