import type { Clock } from "../base/clock.ts";
import type { Credential } from "../base/credential.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { pairKey, readGivenCredential, readGivenFile } from "../base/given-credential.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Host } from "../config/config.ts";
import { isMadeFor } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";

/**
 * A worker's memory of certificates given by hand, as many as the configuration names. Hosts that share their files
 * share what was read of them; what was read once is not read again, unless it is for other hosts: somebody may put
 * that right.
 */
export class GivenCredentials {
  readonly #load: (route: Host) => Promise<Credential>;
  readonly #clock: Clock;
  readonly #read = new Map<string, Credential>();
  /** What is served for want of a right one, and since when. */
  readonly #strange = new Map<string, { readonly credential: Credential; readonly at: number }>();
  readonly #reads = new SingleFlight<string, Credential>();

  /** @param load Reads the files that the operator gave for a host entry. */
  constructor(load: (route: Host) => Promise<Credential>, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
  }

  /** What is served for this entry; `undefined`: its files are to be read, or its certificate is not given by hand. */
  get(route: Host): Credential | undefined {
    const pair = pairOf(route);
    return pair === undefined ? undefined : (this.#read.get(pair) ?? this.#strangeOf(pair));
  }

  /**
   * Serves this for the entry from now on, and for those that share its files; one that is for other hosts for
   * `limits.absentNameMs` only.
   */
  keep(route: Host, credential: Credential): void {
    const pair = pairOf(route);
    if (pair === undefined) return;
    if (isFor(route, credential)) this.#keep(pair, credential);
    else this.#strange.set(pair, { credential, at: this.#clock.now() });
  }

  /** What the files of this entry hold, remembered unless it is for other hosts; rejects as `load` does, and then the next call reads them again. */
  read(route: Host): Promise<Credential> {
    const pair = pairOf(route) ?? "";
    return this.#reads.run(pair, async () => {
      const credential = this.#read.get(pair) ?? (await this.#load(route));
      if (isFor(route, credential)) this.#keep(pair, credential);
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

  #keep(pair: string, credential: Credential): void {
    this.#read.set(pair, credential);
    this.#strange.delete(pair);
  }

  /** A clock that was set back must not make it last. */
  #strangeOf(pair: string): Credential | undefined {
    const strange = this.#strange.get(pair);
    if (strange === undefined) return undefined;
    const age = this.#clock.now() - strange.at;
    return age >= 0 && age < limits.absentNameMs ? strange.credential : undefined;
  }
}

/**
 * What the files of this entry hold now.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID`, and names the file.
 */
export async function readGiven({ certificate }: Host): Promise<Credential> {
  if (certificate.kind !== "manual") throw new TypeError("Not a host with files given by hand");
  try {
    const [chain, key] = await Promise.all([
      readGivenFile(certificate, "chain"),
      readGivenFile(certificate, "key"),
    ]);
    return readGivenCredential(chain, key);
  } catch (cause) {
    const isOfKey = cause instanceof LatchkeyError && cause.facts["part"] === "key";
    const path = isOfKey ? certificate.key : certificate.chain;
    throw new LatchkeyError(
      "CERTIFICATE_INVALID",
      `Cannot use ${path}: ${messageOf(cause)}`,
      {},
      { cause },
    );
  }
}

/** See {@link isMadeFor}. */
export function isFor({ pattern }: Host, { names }: Credential): boolean {
  return isMadeFor(pattern, names);
}

function pairOf({ certificate }: Host): string | undefined {
  return certificate.kind === "manual" ? pairKey(certificate) : undefined;
}
