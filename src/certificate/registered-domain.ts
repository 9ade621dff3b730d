import { parse } from "tldts";
import { type CertificateName, provenHost } from "../base/certificate-name.ts";

/**
 * The domain that somebody registered, by the Public Suffix List with its private part, as CAs count:
 * `shop.example` for `a.b.shop.example`. A name that is a public suffix itself counts for itself.
 */
export function registeredDomainOf(name: CertificateName): string {
  const host = provenHost(name);
  return parse(host, { allowPrivateDomains: true }).domain ?? host;
}
