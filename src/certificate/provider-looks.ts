import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, withDeadline } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { limits } from "../config/limits.ts";
import { isThrottled } from "../dns/record.ts";
import { providerOf } from "./dns-providers.ts";
import type { ProofPlace } from "./proof-place.ts";

/** Could a record be put where a proof goes, as far as who puts it there tells? */
export type ProviderSight = "possible" | "impossible" | "unclear";

/** Where a proof goes, and by whom. */
export type ProviderPlace = Pick<ProofPlace, "entry" | "zone" | "name">;

/** What was asked with one account in a round. */
interface Asked {
  /** By zone; by name where no zone is known. At most {@link limits.dnsProviderLooksMax}. */
  readonly looks: Map<string, Promise<ProviderSight>>;
  isThrottled: boolean;
}

/**
 * Looks at DNS providers between attempts. They count what they are asked, and orders need the same limit: one
 * account is asked once in a round about each zone, however many names are in it, about
 * {@link limits.dnsProviderLooksMax} zones at most, and no more once it says that it was too much (429).
 */
export class ProviderLooks {
  readonly #clock: Clock;
  /** By account; as many as the configuration has. */
  #asked = new Map<string, Asked>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on everything is asked anew. */
  beginRound(): void {
    this.#asked = new Map();
  }

  /**
   * Changes nothing. What is shared ends within {@link limits.preflightLookTimeoutMs}: what takes longer is unclear.
   *
   * @param signal Ends the look for all that wait for it.
   * @throws {LatchkeyError} `DNS_FAILED`: the provider is not set up for this very name; the signal's reason when aborted.
   */
  async look(
    { entry, zone, name }: ProviderPlace,
    certificate: CertificateName,
    signal: AbortSignal,
  ): Promise<ProviderSight> {
    const { look } = providerOf(entry, { certificate }, this.#clock);
    if (look === undefined) return "possible";
    const account = accountOf(entry);
    if (account === undefined) {
      await look(name, signal);
      return "possible";
    }
    const where = zone ?? name;
    const asked = this.#asked.getOrInsertComputed(account, newlyAsked);
    const known = asked.looks.get(where);
    if (known !== undefined) return await known;
    if (asked.isThrottled || asked.looks.size >= limits.dnsProviderLooksMax) return "unclear";
    const sight = see(asked, (inTime) => look(where, inTime), signal);
    asked.looks.set(where, sight);
    return await sight;
  }
}

async function see(
  asked: Asked,
  look: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<ProviderSight> {
  const inTime = withDeadline(signal, limits.preflightLookTimeoutMs);
  try {
    await look(inTime);
    return "possible";
  } catch (error) {
    signal.throwIfAborted();
    if (inTime.aborted) return "unclear";
    if (codeOf(error) !== "DNS_FAILED") throw error;
    if (!isThrottled(error)) return "impossible";
    asked.isThrottled = true;
    return "unclear";
  }
}

function newlyAsked(): Asked {
  return { looks: new Map(), isThrottled: false };
}

/** Whose limit a look spends, the same for entries that say the same; `undefined`: nobody's, and it depends on the name. */
function accountOf({ provider }: DnsEntry): string | undefined {
  switch (provider.kind) {
    case "cloudflare":
      return `${provider.endpoint} ${provider.token}`;
    case "rfc2136":
      return `${provider.server} ${provider.keyName}`;
    case "acme-dns":
    case "exec":
      return undefined;
  }
}
