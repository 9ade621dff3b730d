import { RecentMap } from "../base/recent-map.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { ArmedChallenge } from "../process/certificate-news.ts";

/** A challenge of RFC 8737: a certificate to be shown in one handshake. */
export type TlsAlpnChallenge = Extract<ArmedChallenge, { readonly type: "tls-alpn-01" }>;

/** The challenges that this worker answers: in memory only, armed and disarmed by the manager. */
export class Challenges {
  readonly #byId: RecentMap<number, ArmedChallenge>;
  /** The latest challenge for a key; an earlier one for the same key is not answered any more. */
  readonly #byKey: RecentMap<string, ArmedChallenge>;

  constructor(challengesMax: number = limits.challengesMax) {
    this.#byId = new RecentMap(challengesMax);
    this.#byKey = new RecentMap(challengesMax);
  }

  /** Answers `challenge` from now on, as often as asked. */
  arm(challenge: ArmedChallenge): void {
    this.#byId.set(challenge.id, challenge);
    this.#byKey.set(keyOf(challenge), challenge);
  }

  /** Answers it no longer; a number that is not armed is ignored. */
  disarm(id: number): void {
    const challenge = this.#byId.get(id);
    if (challenge === undefined) return;
    this.#byId.delete(id);
    const key = keyOf(challenge);
    if (this.#byKey.get(key) === challenge) this.#byKey.delete(key);
  }

  /** The key authorization for exactly this token of exactly this host (RFC 8555 §8.3). */
  keyAuthorization(host: UriHost, token: string): string | undefined {
    const challenge = this.#byKey.get(httpKey(host, token));
    return challenge?.type === "http-01" ? challenge.keyAuthorization : undefined;
  }

  /** The live TLS-ALPN-01 challenge of `host`. */
  tlsAlpn(host: UriHost): TlsAlpnChallenge | undefined {
    const challenge = this.#byKey.get(tlsAlpnKey(host));
    return challenge?.type === "tls-alpn-01" ? challenge : undefined;
  }
}

function keyOf(challenge: ArmedChallenge): string {
  return challenge.type === "http-01"
    ? httpKey(challenge.host, challenge.token)
    : tlsAlpnKey(challenge.host);
}

// A host name holds no space and no slash, so a stranger's token cannot make the key of another host.
const httpKey = (host: UriHost, token: string): string => `http-01 ${host} ${token}`;
const tlsAlpnKey = (host: UriHost): string => `tls-alpn-01 ${host}`;
