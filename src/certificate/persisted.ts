import type { AcmeChallenge } from "../acme/client.ts";
import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { isIpAddress } from "../base/ip-address.ts";
import { permits, persistName } from "../dns/persist-record.ts";
import type { Resolver } from "../dns/resolver.ts";

/** The type of that challenge. */
export const PERSISTED = "dns-persist-01";

/**
 * The challenge that the operator has answered for good with a record of its own
 * (draft-ietf-acme-dns-persist); `undefined` when the CA does not offer it, or no record permits this account.
 * Nothing is asked of anybody unless it is offered, nor for an address, which has no place in DNS (RFC 8738 §7).
 */
export async function findPersisted(
  asked: { readonly name: CertificateName; readonly accountUrl: string | undefined },
  offered: readonly AcmeChallenge[],
  surroundings: { readonly resolver: Resolver; readonly nowMs: number },
  signal: AbortSignal,
): Promise<AcmeChallenge | undefined> {
  const challenge = offered.find(({ type }) => type === PERSISTED);
  const { name, accountUrl } = asked;
  const host = provenHost(name);
  if (challenge === undefined || accountUrl === undefined || isIpAddress(host)) return undefined;
  const found = await surroundings.resolver.txt(persistName(host), signal);
  if (found.kind !== "found") return undefined;
  const wanted = {
    issuers: challenge.issuerDomainNames,
    accountUrl,
    isWildcard: isWildcardName(name),
    nowSeconds: Math.floor(surroundings.nowMs / 1_000),
  };
  return found.records.some((text) => permits(text, wanted)) ? challenge : undefined;
}
