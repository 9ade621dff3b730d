import { type Hostname, parsePlain } from "./hostname.ts";
import { type IpAddress, parseIpAddress } from "./ip-address.ts";
import type { UriHost } from "./uri-host.ts";

/** Every name one label below a parent, as a certificate says it (RFC 9525 §6.3). */
export type WildcardName = `*.${Hostname}`;

/** What a certificate is ordered, stored and announced under: one host, one address, or a wildcard. */
export type CertificateName = Hostname | IpAddress | WildcardName;

/** `text` as such a name, spelled exactly as we spell names; `undefined` for anything else. */
export function parseCertificateName(text: string): CertificateName | undefined {
  const address = parseIpAddress(text);
  if (address !== undefined) return address === text ? address : undefined;
  const isWildcard = text.startsWith("*.");
  const spelled = isWildcard ? text.slice(2) : text;
  const host = parsePlain(spelled);
  if (host === undefined || host !== spelled) return undefined;
  return isWildcard ? `*.${host}` : host;
}

export function isWildcardName(name: CertificateName): name is WildcardName {
  return name.startsWith("*.");
}

/** What control is proven of: the name itself, or what its wildcard stands below (RFC 8555 §7.1.3). */
export function provenHost(name: WildcardName): Hostname;
export function provenHost(name: CertificateName): UriHost;
export function provenHost(name: CertificateName): UriHost {
  return (isWildcardName(name) ? name.slice(2) : name) as UriHost;
}
