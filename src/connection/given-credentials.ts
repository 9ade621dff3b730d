import type { Credential } from "../base/credential.ts";
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

  /** Serves this for the entry from now on, in place of files that cannot be used. */
  keep(route: Host, credential: Credential): void {
    const pair = pairOf(route);
    if (pair !== undefined) this.#read.set(pair, credential);
  }

  /** What the files of this entry hold; rejects as `load` does, and then the next call reads them again. */
  read(route: Host): Promise<Credential> {
    const pair = pairOf(route) ?? "";
    return this.#reads.run(pair, async () => {
      const credential = this.#read.get(pair) ?? (await this.#load(route));
      this.#read.set(pair, credential);
      return credential;
    });
  }

  /**
   * Reads what nobody has come for yet, a pair after the other and `limits.givenAheadMax` of them: files that are
   * spoilt later do not cost a host its certificate. Those that cannot be read wait for a visitor. Never rejects.
   */
  async readAhead(hosts: readonly Host[], signal: AbortSignal): Promise<void> {
    const pairs = new Map<string, Host>();
    for (const route of hosts) {
      const pair = pairOf(route);
      if (pair !== undefined && pairs.size < limits.givenAheadMax) pairs.set(pair, route);
    }
    for (const route of pairs.values()) {
      if (signal.aborted) return;
      await this.read(route).catch(() => undefined);
    }
  }
}

function pairOf({ certificate }: Host): string | undefined {
  return certificate.kind === "manual" ? pairKey(certificate) : undefined;
}
