import { type Hostname, parsePlain } from "./hostname.ts";

/** Every name one label below a parent, as a certificate says it (RFC 9525 §6.3). */
export type WildcardName = `*.${Hostname}`;

/** What a certificate is ordered, stored and announced under: one host, or a wildcard. */
export type CertificateName = Hostname | WildcardName;

/** `text` as such a name, spelled exactly as we spell names; `undefined` for anything else. */
export function parseCertificateName(text: string): CertificateName | undefined {
  const isWildcard = text.startsWith("*.");
  const spelled = isWildcard ? text.slice(2) : text;
  const host = parsePlain(spelled);
  if (host === undefined || host !== spelled) return undefined;
  return isWildcard ? `*.${host}` : host;
}

export function isWildcardName(name: CertificateName): name is WildcardName {
  return name.startsWith("*.");
}

/** The host that control is proven of: the name itself, or what its wildcard stands below (RFC 8555 §7.1.3). */
export function provenHost(name: CertificateName): Hostname {
  return (isWildcardName(name) ? name.slice(2) : name) as Hostname;
}
