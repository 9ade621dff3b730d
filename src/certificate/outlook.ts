import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Config, Host, Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { Resolver } from "../dns/resolver.ts";
import type { CaAccess } from "./ca-access.ts";
import type { Challenge, Challenges } from "./challenge.ts";
import { entriesFor } from "./dns-providers.ts";
import type { Holdings } from "./holdings.ts";
import { Preflight, type PreflightSteps } from "./preflight.ts";
import type { Holding } from "./records.ts";
import { confirmAnswered, lookAtChallenge, type SelfCheckSteps } from "./self-check.ts";

/** What looking at ourselves from outside needs from its surroundings. */
export interface OutlookSteps
  extends Pick<PreflightSteps, "probe" | "moved" | "random" | "remember"> {
  readonly config: Config;
  readonly reach: SelfCheckSteps["reach"];
  readonly cas: CaAccess;
  readonly holdings: Holdings;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  readonly challenges: Challenges;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Warnings remembered at once; a name has one or two. */
const WARNINGS_MAX = 1_000;

/** What this machine sees of itself by DNS and by its public address: before a CA looks, and between attempts. */
export class Outlook {
  readonly #steps: OutlookSteps;
  readonly #look: SelfCheckSteps;
  readonly #preflight: Preflight;
  readonly #warned = new RecentMap<string, true>(WARNINGS_MAX);

  constructor(steps: OutlookSteps) {
    const { config, reach, cas, challenges } = steps;
    const resolvers = {
      servers: config.acme.resolvers,
      timeoutMs: limits.dnsTimeoutMs,
      tries: limits.dnsTries,
    };
    const resolver = new Resolver(resolvers);
    this.#steps = steps;
    this.#look = { resolver, reach, ownAddresses };
    this.#preflight = new Preflight({
      ...steps,
      ...{ resolver, resolvers },
      dnsEntriesFor: ({ host }) => entriesFor(steps.findHost(host), config.acme),
      arm: (challenge) => challenges.arm(challenge),
      look: (challenge, signal) => lookAtChallenge(this.#look, challenge, signal),
      directoryFor: (holding) => cas.directoryFor(holding),
      caaIdentitiesFor: (holding) => cas.caaIdentitiesFor(holding),
    });
  }

  /**
   * Answers a challenge from now on, once it is sure that nothing speaks against it where the name leads. A CA that
   * counts no failures is not worth the wait, and a private one may ask other name servers than we do: there it
   * is looked at only with `acme.resolvers`.
   *
   * @throws {LatchkeyError} `NAME_NOT_FOUND`, `CHALLENGE_UNANSWERED`: the CA need not be told.
   */
  async arm(challenge: Challenge, issuer: Issuer, signal: AbortSignal): Promise<() => void> {
    const { cas, challenges, config } = this.#steps;
    const disarm = await challenges.arm(challenge);
    if (issuer.kind === "internal") return disarm;
    if (!cas.countsFailures(issuer) && config.acme.resolvers.length === 0) return disarm;
    try {
      for (const why of await confirmAnswered(this.#look, challenge, signal))
        this.#warn(challenge.host, why);
      return disarm;
    } catch (error) {
      disarm();
      throw error;
    }
  }

  /** Once for each: it is no failure, and every renewal would repeat it. */
  #warn(host: UriHost, why: string): void {
    const key = `${host} ${why}`;
    if (this.#warned.has(key)) return;
    this.#warned.set(key, true);
    const hint = "Let the AAAA record lead to this machine, or remove it: CAs prefer IPv6";
    this.#steps.log.warn("challenge.ipv6-astray", { host, why, hint });
  }

  /** Storage can be written into again: whoever failed by that need not wait any more. */
  storageIsBack(): void {
    this.#preflight.storageIsBack();
  }

  /** The CA of this directory has just issued: whoever failed by trouble of its own need not wait any more. */
  caWorks(directory: string): void {
    this.#preflight.caWorks(directory);
  }

  /** Looks, beside all else, at what has just made a name fail. */
  noticeFailure(holding: Holding): void {
    void this.#preflight.lookAfterFailure(holding, this.#steps.signal); // never rejects
  }

  /** Looks between attempts until the signal ends it. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#preflight.run(signal);
  }
}
