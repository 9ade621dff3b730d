import { forEachAtOnce } from "../base/at-once.ts";
import { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { stampOfFile } from "../base/file-stamp.ts";
import { type GivenFiles, pairKey } from "../base/given-credential.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Config } from "../config/config.ts";
import { isMadeFor } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";
import type { CertificateOutcome } from "../process/certificate-news.ts";
import { flawsOf, isFault } from "./flaw.ts";
import { type Given, type Owner, ownersOf, type Pair, readPair, type Spoilt } from "./manual.ts";

/** Two files, and what is known of them. */
interface Watched extends Pick<Given, "files" | "pair" | "readAt"> {
  /** What the folder said of the files that were last read, what they held then, and when that was. */
  readonly stamp: string;
  readonly latest: Pair;
  readonly latestAt: number;
}

/**
 * The files given by hand while the program runs. What they held when it started, or when they first could be used and
 * were for one of their hosts, is what workers serve until a reload; when they are spoilt, it is kept here for workers
 * that start later.
 */
export class GivenWatch {
  /** Rings when something other is to be told of one of them. */
  readonly changed = new Bell();
  readonly #clock: Clock;
  readonly #owners: readonly Owner[];
  readonly #watched = new Map<string, Watched>();
  /** PEM of those that can be used, at most `limits.givenAheadMax`. Never logged. */
  readonly #kept = new Map<string, GivenFiles>();
  /** What the folder said of files that have changed: perhaps they are just being written. */
  readonly #unsettled = new Map<string, string>();
  readonly #reads = new SingleFlight<string, void>();
  #all: ReadonlyMap<string, Given> = new Map();

  constructor(config: Config, clock: Clock) {
    this.#clock = clock;
    this.#owners = ownersOf(config);
  }

  /** What is known of each host's files, by its pattern. */
  get all(): ReadonlyMap<string, Given> {
    return this.#all;
  }

  /** Reads all of them. Never rejects. */
  async open(): Promise<void> {
    await this.#forEach((id, files) => this.#read(id, files));
    this.#tell();
  }

  /** Looks at them until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#owners.length === 0) return;
    while (!signal.aborted) {
      await this.#clock.sleep(limits.givenReadEveryMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  /** One look at each: what has changed, and has stayed so since the look before, is read. Never rejects. */
  async look(): Promise<void> {
    await this.#forEach(async (id, files) => {
      const stamp = await stampOf(files);
      const isOld = stamp === this.#watched.get(id)?.stamp;
      const hasSettled = stamp === this.#unsettled.get(id);
      if (isOld || hasSettled) this.#unsettled.delete(id);
      else this.#unsettled.set(id, stamp);
      if (hasSettled && !isOld) await this.#read(id, files);
    });
  }

  /** For a worker that cannot use the files: what they held before. Never rejects. */
  async outcomeFor(host: CertificateName, files: GivenFiles): Promise<CertificateOutcome> {
    const id = pairKey(files);
    if ((await stampOf(files)) !== this.#watched.get(id)?.stamp) await this.#read(id, files);
    const kept = this.#kept.get(id);
    if (kept === undefined) return { kind: "unavailable" };
    return { kind: "held", credential: { host, issuance: 0, ...kept } };
  }

  #forEach(work: (id: string, files: GivenFiles) => Promise<void>): Promise<void> {
    const pairs = new Map(this.#owners.map(({ id, files }) => [id, files]));
    return forEachAtOnce(pairs, limits.adoptedAtOnce, ([id, files]) => work(id, files));
  }

  #read(id: string, files: GivenFiles): Promise<void> {
    return this.#reads.run(id, async () => {
      const stamp = await stampOf(files);
      const { pair, pem } = await readPair(files);
      const before = this.#watched.get(id);
      const now = this.#clock.now();
      this.#unsettled.delete(id);
      const seen = { stamp, latest: pair, latestAt: now };
      const isServed = before !== undefined && this.#isServedOn(id, before.pair, pair);
      this.#watched.set(
        id,
        isServed ? { ...before, ...seen } : { files, pair, readAt: now, ...seen },
      );
      const hasRoom = this.#kept.has(id) || this.#kept.size < limits.givenAheadMax;
      if (!isServed && pem !== undefined && hasRoom) this.#kept.set(id, pem);
      if (before !== undefined) this.#tell();
    });
  }

  /** Do workers go on with what the files held before? One that is for none of its hosts gives way to whatever can be used. */
  #isServedOn(id: string, before: Pair, now: Pair): boolean {
    if (before.kind === "unusable") return false;
    const owners = this.#owners.filter((owner) => owner.id === id);
    const isRight = owners.some(({ pattern }) => isMadeFor(pattern, before.names));
    return isRight || now.kind === "unusable";
  }

  #tell(): void {
    this.#all = new Map(
      this.#owners.flatMap(({ id, host, pattern }) => {
        const watched = this.#watched.get(id);
        if (watched === undefined) return [];
        const { files, pair, readAt } = watched;
        const given = { host, pattern, files, pair, readAt };
        return [[host, { ...given, spoilt: spoiltBy(given, watched) }]];
      }),
    );
    this.changed.ring();
  }
}

/** Is what the files hold now worse for this host than what they held, and is served? */
function spoiltBy(given: Given, { pair, latest, latestAt }: Watched): Spoilt | undefined {
  if (pair === latest || pair.kind === "unusable") return undefined;
  const faultOf = (held: Pair) =>
    flawsOf({ ...given, pair: held }, { now: latestAt, expiresWithin: 0 }).find(isFault);
  const fault = faultOf(latest);
  const isWorse = fault?.kind === "unusable" || faultOf(pair) === undefined;
  return fault && isWorse ? { part: fault.part, why: fault.detail, at: latestAt } : undefined;
}

/** Differs when something was written, put in its place, or taken away. */
async function stampOf({ chain, key }: GivenFiles): Promise<string> {
  return (await Promise.all([chain, key].map(stampOfFile))).join(" ");
}
