import { type Credential, covers } from "../base/credential.ts";
import { pairKey } from "../base/given-credential.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";

/**
 * A worker's memory of certificates given by hand, as many as the configuration names. Hosts that share their files
 * share what was read of them; what was read once is not read again.
 */
export class GivenCredentials {
  readonly #load: (route: Host) => Promise<Credential>;
  readonly #read = new Map<string, Credential>();
  readonly #reads = new SingleFlight<string, Credential>();

  /** @param load Reads the files that the operator gave for a host entry. */
  constructor(load: (route: Host) => Promise<Credential>) {
    this.#load = load;
  }

  /** What was read for this entry; `undefined`: nothing yet, or its certificate is not given by hand. */
  get(route: Host): Credential | undefined {
    const pair = pairOf(route);
    return pair === undefined ? undefined : this.#read.get(pair);
  }

  /** Serves this for the entry from now on, and for those that share its files. */
  keep(route: Host, credential: Credential): void {
    const pair = pairOf(route);
    if (pair !== undefined) this.#read.set(pair, credential);
  }

  /** What the files of this entry hold, remembered unless it is for other hosts; rejects as `load` does, and then the next call reads them again. */
  read(route: Host): Promise<Credential> {
    const pair = pairOf(route) ?? "";
    return this.#reads.run(pair, async () => {
      const credential = this.#read.get(pair) ?? (await this.#load(route));
      if (isFor(route, credential)) this.#read.set(pair, credential);
      return credential;
    });
  }

  /**
   * Reads what nobody has come for yet, a pair after the other and `limits.givenAheadMax` of them: files that are
   * spoilt later do not cost a host its certificate. Those that cannot be read wait for a visitor. Never rejects.
   */
  async readAhead(hosts: readonly Host[], signal: AbortSignal): Promise<void> {
    const given = hosts.filter((route) => pairOf(route) !== undefined);
    const pairs = [...Map.groupBy(given, pairOf).values()].slice(0, limits.givenAheadMax);
    for (const sharers of pairs) {
      if (signal.aborted) return;
      await this.#readFor(sharers).catch(() => undefined);
    }
  }

  /** Of hosts that share their files: one for any of them is remembered. */
  async #readFor(sharers: readonly Host[]): Promise<void> {
    const [first] = sharers;
    if (first === undefined) return;
    const credential = await this.read(first);
    const owner = sharers.find((route) => isFor(route, credential));
    if (owner !== undefined) this.keep(owner, credential);
  }
}

/** Is the certificate made out to the host of this entry? Of patterns that is left to who looks at them. */
export function isFor({ pattern }: Host, { names }: Credential): boolean {
  return pattern.kind !== "exact" || covers(names, pattern.host);
}

function pairOf({ certificate }: Host): string | undefined {
  return certificate.kind === "manual" ? pairKey(certificate) : undefined;
}
