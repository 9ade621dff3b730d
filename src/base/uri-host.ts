import { type Hostname, parsePlain } from "./hostname.ts";
import { type IpAddress, isIpAddress, parseIpAddress } from "./ip-address.ts";

/** What the authority of a URI names (RFC 3986 §3.2.2), without brackets: a host name or an address. */
export type UriHost = Hostname | IpAddress;

/** A name or an address as it arrives in ASCII; addresses without brackets. */
export function parseUriHost(text: string): UriHost | undefined {
  return parsePlain(text) ?? parseIpAddress(text);
}

/** As it stands in a URL and in Host: an IPv6 address in brackets. */
export function literalOf(host: UriHost): string {
  return host.includes(":") && isIpAddress(host) ? `[${host}]` : host;
}
