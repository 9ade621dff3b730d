import { isIP } from "node:net";
import { covers } from "../base/credential.ts";
import { unreachable } from "../base/errors.ts";
import { parentOf, parseHostname } from "../base/hostname.ts";
import { isIpAddress, parseIpAddress } from "../base/ip-address.ts";
import type { HostPattern } from "./config.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** `store.shop.example`, `*.shop.example` or `*`, normalised. */
export function readHostPattern(text: string): Reading<HostPattern> {
  if (text === "*") return read({ kind: "catch-all" });
  const isWildcard = text.startsWith("*.");
  const name = isWildcard ? text.slice(2) : text;
  const literal = name.replace(/^\[(.*)\]$/, "$1");
  if (isIP(literal) !== 0) return readAddress(literal, isWildcard);
  const host = parseHostname(name);
  if (host === undefined) return wrong(whyNoHost(name));
  return read(isWildcard ? { kind: "wildcard", parent: host } : { kind: "exact", host });
}

function readAddress(text: string, isWildcard: boolean): Reading<HostPattern> {
  if (isWildcard) return wrong("is no wildcard, wanted the address alone");
  const host = parseIpAddress(text);
  if (host !== undefined) return read({ kind: "exact", host });
  return wrong(
    "is an address with a zone or with IPv4 inside, wanted one such as 203.0.113.7 or 2001:db8::1",
  );
}

/** The pattern as the file spells it, normalised: also the key under which a host is unique. */
export function formatPattern(pattern: HostPattern): string {
  switch (pattern.kind) {
    case "exact":
      return pattern.host;
    case "wildcard":
      return `*.${pattern.parent}`;
    case "catch-all":
      return "*";
    default:
      return unreachable(pattern);
  }
}

/** Is a certificate with these names for the host of this pattern? Of patterns of many hosts that is left to who looks at one. */
export function isMadeFor(pattern: HostPattern, names: readonly string[]): boolean {
  return pattern.kind !== "exact" || covers(names, pattern.host);
}

/** Is there a name that both match? (An exact host beats the others, but they match it too.) */
export function overlap(one: HostPattern, other: HostPattern): boolean {
  if (one.kind === "catch-all" || other.kind === "catch-all") return true;
  if (one.kind === "exact" && other.kind === "exact") return one.host === other.host;
  return parentOfPattern(one) === parentOfPattern(other);
}

function parentOfPattern(pattern: Exclude<HostPattern, { kind: "catch-all" }>): string | undefined {
  if (pattern.kind === "wildcard") return pattern.parent;
  return isIpAddress(pattern.host) ? undefined : parentOf(pattern.host);
}

function whyNoHost(name: string): string {
  if (name.includes("*")) {
    return "is not a host, wanted a wildcard for the first label only such as *.shop.example";
  }
  if (name.includes("/")) return "is not a host, wanted a name without scheme and path";
  if (/:\d+$/.test(name)) return "is not a host, wanted a name without a port";
  return "is not a host name, wanted one such as store.shop.example";
}
