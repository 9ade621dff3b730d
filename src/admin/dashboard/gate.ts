import { createHash, timingSafeEqual } from "node:crypto";
import { readBasicCredentials } from "../../auth/basic-credentials.ts";
import { clientKeyOf } from "../../base/client-key.ts";
import { isIpAddress } from "../../base/ip-address.ts";
import { RecentMap } from "../../base/recent-map.ts";
import { TokenBucket } from "../../base/token-bucket.ts";
import { parseUriHost } from "../../base/uri-host.ts";
import type { Dashboard } from "../../config/config.ts";
import { limits } from "../../config/limits.ts";

/** What is looked at of a request. */
export interface Visitor {
  /** The value of Host. */
  readonly host: string | undefined;
  /** The value of Authorization. */
  readonly authorization: string | undefined;
  /** The address of the peer. */
  readonly address: string;
}

/** Why somebody sees nothing. */
export interface Refusal {
  readonly status: 401 | 421 | 429;
  /** For whoever asked, in words. */
  readonly why: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** `host[:port]`, `[v6][:port]` (RFC 3986 §3.2). */
const AUTHORITY = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;
/** RFC 6750 §2.1; any visible ASCII, as tokens of ours may have. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i;

/**
 * Who may see the dashboard. With a token: whoever knows it, as a Bearer token or as the password of Basic; wrong
 * ones are counted by client, and looked at slowly when there were many. Without: everybody on this machine, but no
 * page of a stranger in a browser here, whose name may be made to lead to us (DNS rebinding): Host must be an
 * address or `localhost`.
 */
export class Gate {
  readonly #token: Buffer | undefined;
  readonly #now: () => number;
  readonly #guesses = new RecentMap<string, TokenBucket>(limits.dashboardClientsMax);

  /** @param now Milliseconds since the epoch. */
  constructor({ token }: Dashboard, now: () => number) {
    this.#token = token === undefined ? undefined : digest(token);
    this.#now = now;
  }

  /** `undefined`: welcome. */
  look({ host = "", authorization, address }: Visitor): Refusal | undefined {
    if (this.#token !== undefined) return this.#lookAtToken(this.#token, authorization, address);
    return isOurs(host) ? undefined : MISDIRECTED;
  }

  #lookAtToken(
    token: Buffer,
    authorization: string | undefined,
    address: string,
  ): Refusal | undefined {
    if (authorization === undefined) return unauthorized("it wants a token");
    const bucket = this.#bucketOf(clientKeyOf(address));
    const now = this.#now();
    // Also for the right one: else guesses would be looked at after all.
    if (!bucket.has(now)) return tooOften(bucket.waitMs(now));
    const given = tokenIn(authorization);
    if (given !== undefined && timingSafeEqual(digest(given), token)) return undefined;
    bucket.take(now);
    return unauthorized("the token is wrong");
  }

  #bucketOf(client: string): TokenBucket {
    const known = this.#guesses.get(client);
    if (known !== undefined) return known;
    const { dashboardGuessesBurst: burst, dashboardGuessEveryMs: everyMs } = limits;
    const bucket = new TokenBucket({ burst, everyMs }, this.#now());
    this.#guesses.set(client, bucket);
    return bucket;
  }
}

/** Is it a name that nobody can make to lead here, or no name at all? */
function isOurs(authority: string): boolean {
  const [, literal = ""] = AUTHORITY.exec(authority) ?? [];
  const name = parseUriHost(literal.replace(/^\[|\]$/g, ""));
  return name !== undefined && (isIpAddress(name) || name === "localhost");
}

const MISDIRECTED: Refusal = {
  status: 421,
  why: "without a token it answers to an address or localhost only, not to other names",
  headers: {},
};

function unauthorized(why: string): Refusal {
  const challenge = 'Basic realm="Latchkey", charset="UTF-8", Bearer realm="Latchkey"';
  return { status: 401, why, headers: { "www-authenticate": challenge } };
}

function tooOften(waitMs: number): Refusal {
  const seconds = Math.max(1, Math.ceil(waitMs / 1_000));
  return { status: 429, why: "too many wrong tokens", headers: { "retry-after": `${seconds}` } };
}

function tokenIn(authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1] ?? readBasicCredentials(authorization)?.password;
}

/** Of one length, so that comparing tells nothing. */
function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
