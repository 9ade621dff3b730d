import { parseCertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { keyOf, readKey, type Trouble } from "../base/trouble.ts";
import type { Config, Host, Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Unbound } from "../process/messages.ts";
import type { AskWatch } from "./ask-watch.ts";
import type { Commands } from "./commands.ts";
import type { DeletionWatch } from "./deletion-watch.ts";
import type { Given } from "./manual.ts";
import type { Holding } from "./records.ts";
import { isUndecided, type Judging, troublesOf, troublesOfGiven } from "./troubles.ts";
import type { UntoldRevocations } from "./untold-revocations.ts";
import type { Watchdog } from "./watchdog.ts";

/** What the watch sees. */
export interface TroubleSteps {
  readonly config: Config;
  readonly storage: {
    readonly root: string;
    /** Why it could not be written into when that was last tried. */
    readonly failure: string | undefined;
    /** Has another program taken it over? */
    readonly isLeaseLost: boolean;
  };
  /** The addresses that cannot be listened on. */
  readonly unbound: readonly Unbound[];
  readonly asks: AskWatch;
  readonly commands: Commands;
  readonly watchdog: Watchdog;
  readonly deletions: Pick<DeletionWatch, "troubles">;
  readonly revocations: Pick<UntoldRevocations, "troubles" | "isUndecided">;
  /** Every name, and the entry whose certificate is made out to it. */
  holdings(): Iterable<Holding>;
  findHost(host: Holding["host"]): Host | undefined;
  /** Hosts with files given by hand, as they were last read. */
  given(): Iterable<Given>;
  /** URL of the directory, which tells issuers apart. */
  directoryOf(issuer: Issuer): string;
  /** Rejects when storage cannot be written into now. */
  confirmWritable(): Promise<void>;
  /** It could not be, and can again. */
  storageIsBack(): void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sees what a person should know of: {@link TroubleWatch.look} says it, as of now. */
export class TroubleWatch {
  readonly #steps: TroubleSteps;

  constructor(steps: TroubleSteps) {
    this.#steps = steps;
  }

  /**
   * Everything that is wrong now.
   *
   * @param lasted Did this trouble last when somebody looked before?
   */
  look(lasted: (key: string) => boolean): {
    readonly troubles: readonly Trouble[];
    /** Has nobody found out yet, since the program started? */
    isUndecided(key: string): boolean;
  } {
    const { asks, commands, config, deletions, revocations, watchdog } = this.#steps;
    const urls = askUrlsOf(config);
    const unasked = new Set(urls.filter((url) => !asks.wasAsked(url)).map(keyOfAsk));
    return {
      troubles: [
        ...this.#ofStorage(lasted),
        ...this.#ofListeners(),
        ...this.#ofAsks(urls),
        ...this.#ofHosts(lasted),
        ...commands.troubles(),
        ...watchdog.troubles(),
        ...deletions.troubles(),
        ...revocations.troubles(),
      ],
      isUndecided: (key) => unasked.has(key) || this.#isUnseen(key) || revocations.isUndecided(key),
    };
  }

  /** Is it about a host for which nobody has looked since the start? */
  #isUnseen(key: string): boolean {
    const { kind, host } = readKey(key) ?? {};
    if (host === undefined) return false;
    switch (kind) {
      case "command.failing":
        return this.#isUnrun(host);
      case "certificate.mismatch":
      case "certificate.unserved":
        return this.#steps.watchdog.isUndecided(host);
      case "renewal.failing":
      case "certificate.expiring":
      case "issuer.switched":
        return this.#isUnasked(host);
      default:
        return false;
    }
  }

  /** See {@link isUndecided}. */
  #isUnasked(name: string): boolean {
    const now = this.#steps.clock.now();
    for (const holding of this.#steps.holdings())
      if (holding.host === name) return isUndecided(holding, now);
    return false;
  }

  /** One that is configured no longer is over. */
  #isUnrun(host: string): boolean {
    const name = parseCertificateName(host);
    const isWanted = name && this.#steps.findHost(name)?.onCertificate !== undefined;
    return isWanted === true && !this.#steps.commands.isKnown(host);
  }

  /**
   * A disk fills up, and a lease is lost, also while nothing is ordered. Until the signal ends it. An order
   * looks for itself at its start; another look in the middle of it could take the room that it needs.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, confirmWritable, log } = this.#steps;
    let [isOwed, untriedMs, failing] = [false, 0, this.#failing()];
    const tellIfBack = (): void => {
      if (!isOwed || !this.#isWell()) return;
      isOwed = false;
      this.#steps.storageIsBack();
    };
    while (!signal.aborted) {
      await clock.sleep(limits.storageRetryEveryMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      untriedMs += limits.storageRetryEveryMs;
      const before = failing;
      failing = this.#failing();
      const isWell = this.#isWell();
      tellIfBack();
      // A name that fails on, although we can write, is hurried by its first failure alone.
      isOwed ||= !isWell || failing.difference(before).size > 0;
      const isQuiet = isWell && failing.size === 0 && untriedMs < limits.storageCheckEveryMs;
      if (isQuiet || this.#isOrdering()) continue;
      untriedMs = 0;
      await confirmWritable().catch((error: unknown) => {
        // Told when it began: `storage.readonly`, `storage.lease-lost`.
        if (codeOf(error) === undefined) log.error("storage.failed", failureFacts(error));
      });
      tellIfBack();
    }
  }

  #isWell(): boolean {
    const { failure, isLeaseLost } = this.#steps.storage;
    return failure === undefined && !isLeaseLost;
  }

  /** Whose last attempt met a storage that took nothing. */
  #failing(): ReadonlySet<Holding> {
    const holdings = [...this.#steps.holdings()];
    return new Set(holdings.filter(({ lastError }) => lastError?.type === "STORAGE_FAILED"));
  }

  #isOrdering(): boolean {
    for (const { isOrdering } of this.#steps.holdings()) if (isOrdering) return true;
    return false;
  }

  #ofStorage(lasted: (key: string) => boolean): Trouble[] {
    const { storage } = this.#steps;
    const troubles: Trouble[] = [];
    const common = { host: undefined, severity: "critical", nextAttemptAt: undefined } as const;
    const hasLasted = lasted(keyOf({ kind: "storage.unwritable", host: undefined }));
    // A new certificate is in memory only until it is saved, which ends the order.
    const unsaved = [...this.#steps.holdings()].filter(
      ({ certificate, isOrdering }) =>
        certificate?.unsaved !== undefined && (hasLasted || !isOrdering),
    );
    if (storage.failure !== undefined || unsaved.length > 0) {
      const named = unsaved.slice(0, NAMED_MAX).map(({ host }) => host);
      const inMemory = `In memory only are the certificates of ${named.join(", ")}`;
      troubles.push({
        ...common,
        kind: "storage.unwritable",
        message: `The storage ${storage.root} cannot be written; nothing is ordered until it can`,
        detail: storage.failure ?? inMemory,
        hint: "Free space on its disk, or make it writable for the user that runs latchkey.",
      });
    }
    if (storage.isLeaseLost) {
      troubles.push({
        ...common,
        kind: "storage.lease-lost",
        message: `Another program has taken over the storage ${storage.root}`,
        detail: "Its lease is no longer ours: nothing is renewed by this program",
        hint: "Two programs run on one storage: stop one, or give it a storage of its own.",
      });
    }
    return troubles;
  }

  #ofListeners(): Trouble[] {
    const { unbound } = this.#steps;
    if (unbound.length === 0) return [];
    return [
      {
        kind: "listen.failed",
        host: undefined,
        severity: "warning",
        message: `Nothing of ours listens on ${unbound.map(({ address }) => address).join(", ")}: no redirects to https, no http-01`,
        detail: unbound.map(({ why }) => why).join("; "),
        hint: "End the program that has the port; it is taken within seconds then. Or take the address out of listen.http.",
        nextAttemptAt: undefined,
      },
    ];
  }

  #ofAsks(urls: readonly string[]): Trouble[] {
    const { asks } = this.#steps;
    return urls
      .filter((url) => asks.silentMs(url) >= limits.askSilentMs)
      .map((url) => ({
        kind: KIND_OF_ASK,
        host: originOf(url),
        severity: "critical" as const,
        message: `The service ${originOf(url)}, which decides who gets a certificate on demand, does not answer`,
        detail: `No answer for ${Math.round(asks.silentMs(url) / 60_000)} min`,
        hint: "Start it again: until it answers no new name gets a certificate, and none made on demand is renewed.",
        nextAttemptAt: undefined,
      }));
  }

  #ofHosts(lasted: (key: string) => boolean): Trouble[] {
    const { config, clock, findHost } = this.#steps;
    const judging = { now: clock.now(), expiresWithin: config.alerts.expiresWithin };
    const given = [...this.#steps.given()].flatMap((each) => troublesOfGiven(each, judging));
    const found = [...this.#steps.holdings()].flatMap((holding) => {
      const entry = findHost(holding.host);
      if (entry === undefined) return [];
      const full: Judging = { ...judging, issuers: this.#issuersOf(entry), lasted };
      return troublesOf(holding, full);
    });
    return [...given, ...found];
  }

  #issuersOf({ certificate }: Host): readonly string[] {
    const issuers = certificate.kind === "acme" ? certificate.issuers : [];
    return issuers.map((issuer) => this.#steps.directoryOf(issuer));
  }
}

/** In a message, the rest is left out. */
const NAMED_MAX = 20;
const KIND_OF_ASK = "on-demand.ask-failing";

function keyOfAsk(url: string): string {
  return keyOf({ kind: KIND_OF_ASK, host: originOf(url) });
}

/** The query of such a URL may hold a secret. */
function originOf(url: string): string {
  return new URL(url).host;
}

function askUrlsOf({ hosts }: Config): readonly string[] {
  const urls = hosts.flatMap(({ certificate }) =>
    certificate.kind === "acme" ? [certificate.onDemand?.ask] : [],
  );
  return [...new Set(urls.filter((url) => url !== undefined))];
}
