import { setTimeout as delay } from "node:timers/promises";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config, Host, Issuer } from "../config/config.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { limits } from "../config/limits.ts";
import { Resolver } from "../dns/resolver.ts";
import type { PublishedRecords } from "../storage/published-records.ts";
import { type Challenge, challengesAfter, type FailedChallenge } from "./challenge.ts";
import { challengeTypesFor, type Listeners } from "./challenge-types.ts";
import { DnsProofs } from "./dns-proofs.ts";
import { entriesFor } from "./dns-providers.ts";
import type { OrderSteps } from "./order.ts";
import { findPersisted, PERSISTED } from "./persisted.ts";

/** What proving control of names needs from its surroundings. */
export interface ProofSteps {
  readonly config: Config;
  readonly listeners: Listeners;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  /** Lets the workers answer a challenge from now on; the returned function ends that. */
  arm(challenge: Challenge, issuer: Issuer, signal: AbortSignal): Promise<() => void>;
  readonly store: PublishedRecords;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Every way in which this program proves control of a name: by its workers, by records in DNS. */
export class Proofs {
  readonly #steps: ProofSteps;
  readonly #resolver: Resolver;
  readonly #dns: DnsProofs;

  constructor(steps: ProofSteps) {
    const { config, store, clock, log, signal } = steps;
    const resolvers = {
      servers: config.acme.resolvers,
      timeoutMs: limits.dnsTimeoutMs,
      tries: limits.dnsTries,
    };
    this.#steps = steps;
    this.#resolver = new Resolver(resolvers);
    this.#dns = new DnsProofs({
      entriesFor: (certificate) => this.#entriesFor(certificate),
      ...{ resolvers, store, clock, log, signal },
    });
  }

  /**
   * What an order for a name with an issuer needs.
   *
   * @param failed What did not do the last time: the others have their turn first.
   */
  for(
    name: CertificateName,
    issuer: Issuer,
    failed: FailedChallenge | undefined,
  ): Pick<OrderSteps, "challengeTypes" | "arm" | "findPersisted"> {
    const { config, findHost, listeners, arm, clock } = this.#steps;
    return {
      challengeTypes: challengesAfter(
        challengeTypesFor(findHost(name), issuer, config.acme, listeners),
        failed ?? { failedChallenge: undefined, lastError: undefined },
      ),
      arm: (challenge, signal) =>
        challenge.type === "dns-01"
          ? this.#dns.arm(challenge, signal)
          : arm(challenge, issuer, signal),
      findPersisted: async (asked, offered, signal) =>
        failed?.failedChallenge === PERSISTED
          ? undefined
          : findPersisted(asked, offered, { resolver: this.#resolver, nowMs: clock.now() }, signal),
    };
  }

  /** Takes away what a program before this one left in DNS. Never rejects. */
  recover(): Promise<void> {
    return this.#dns.recover();
  }

  /** Resolves when everything is taken away that can be within a moment; the rest is for the next start. */
  async settled(): Promise<void> {
    await Promise.race([this.#dns.settled(), delay(limits.dnsStopMs, undefined, { ref: false })]);
  }

  /** A name that is gone from the configuration may have left something behind. */
  #entriesFor(name: CertificateName): readonly DnsEntry[] {
    const { findHost, config } = this.#steps;
    return entriesFor(findHost(name), config.acme);
  }
}
