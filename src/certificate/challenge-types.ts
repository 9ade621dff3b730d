import { isIpAddress } from "../base/ip-address.ts";
import type { Acme, ChallengeType, Host, Issuer } from "../config/config.ts";

/** What our own authority looks at, and what any CA does for an address: listeners, never DNS. */
const BY_LISTENER: readonly ChallengeType[] = ["http-01", "tls-alpn-01"];

/** Which kinds of listeners there are. */
export interface Listeners {
  readonly https: readonly unknown[];
  readonly http: readonly unknown[];
}

/**
 * The challenges that can be answered for a host, most wanted first. `dns-01` joins where somebody puts
 * records into DNS: as `acme.challenges` ranks it, else last; first for a host with `dns` of its own. An
 * address is never proven by it (RFC 8738 §7).
 */
export function challengeTypesFor(
  host: Host | undefined,
  issuer: Issuer,
  acme: Acme,
  listeners: Listeners,
): readonly ChallengeType[] {
  const isListenersAlone = issuer.kind === "internal" || isAddress(host);
  const wanted = isListenersAlone ? byListener(acme) : wantedFor(host, acme);
  return wanted.filter((type) => isPossible(type, listeners));
}

function isAddress(host: Host | undefined): boolean {
  return host?.pattern.kind === "exact" && isIpAddress(host.pattern.host);
}

function wantedFor(host: Host | undefined, acme: Acme): readonly ChallengeType[] {
  const own = host?.certificate.kind === "acme" ? host.certificate.dns : undefined;
  const rest = acme.challenges.filter((type) => type !== "dns-01");
  if ((own ?? acme.dns).length === 0) return rest;
  if (rest.length < acme.challenges.length) return acme.challenges;
  return own === undefined ? [...rest, "dns-01"] : ["dns-01", ...rest];
}

function byListener({ challenges }: Acme): readonly ChallengeType[] {
  const wanted = challenges.filter((type) => type !== "dns-01");
  return wanted.length === 0 ? BY_LISTENER : wanted;
}

/** A challenge needs a listener of ours that its validation can reach (RFC 8555 §8.3, RFC 8737 §3), or none. */
function isPossible(type: ChallengeType, { http, https }: Listeners): boolean {
  switch (type) {
    case "http-01":
      return http.length > 0;
    case "tls-alpn-01":
      return https.length > 0;
    case "dns-01":
      return true;
  }
}
