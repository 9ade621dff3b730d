import { randomBytes } from "node:crypto";
import { createAlpnCertificate } from "../acme/alpn-certificate.ts";
import type { Probe } from "../base/probe.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { Challenge, Challenges } from "./challenge.ts";
import type { Holdings } from "./holdings.ts";

/** A probe with all that is needed to answer it. */
export interface OwnProbe {
  readonly token: string;
  readonly words: string;
  readonly chain: string;
  /** PEM, of `chain`: for this one look. */
  readonly key: string;
}

/** Guessing it takes as long as guessing a token of a CA (RFC 8555 §8.1 asks for 128 bits). */
const RANDOM_BYTES = 24;

/** Something that nobody else can answer for `host`. */
export async function makeProbe(host: UriHost): Promise<OwnProbe> {
  const [token, secret] = [RANDOM_BYTES, RANDOM_BYTES].map((bytes) =>
    randomBytes(bytes).toString("base64url"),
  );
  const words = `${token}.latchkey-looks-at-itself.${secret}`;
  return { token: token ?? "", words, ...(await createAlpnCertificate(host, words)) };
}

/** Lets every worker answer probes, each for a short while, so that an operator's look knows this program again. */
export class Probes {
  readonly #challenges: Pick<Challenges, "arm">;
  readonly #holdings: Pick<Holdings, "get">;
  #live = 0;

  /** @param holdings Tell whether an order for a name is under way: its challenge must not be stood in for. */
  constructor(challenges: Pick<Challenges, "arm">, holdings: Pick<Holdings, "get">) {
    this.#challenges = challenges;
    this.#holdings = holdings;
  }

  /** Resolves when every worker answers it; `undefined` when there are too many already. */
  async arm(host: UriHost): Promise<Probe | undefined> {
    if (this.#live >= limits.probesMax) return undefined;
    this.#live += 1;
    const { token, words, chain, key } = await makeProbe(host);
    // The latest challenge of a host is the one that is shown: an order that starts now goes first.
    const isFree = this.#holdings.get(host)?.isOrdering !== true;
    const challenges: Challenge[] = [
      { type: "http-01", host, token, keyAuthorization: words },
      ...(isFree ? [{ type: "tls-alpn-01", host, chain, key } as const] : []),
    ];
    const disarm = await Promise.all(
      challenges.map((challenge) => this.#challenges.arm(challenge)),
    );
    setTimeout(() => {
      this.#live -= 1;
      for (const end of disarm) end();
    }, limits.probeLifeMs).unref();
    return { token, words, chain: isFree ? chain : undefined };
  }
}
