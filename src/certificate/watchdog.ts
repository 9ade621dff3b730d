import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Trouble } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { Holding } from "./records.ts";
import type { Look } from "./served.ts";

/** What the watchdog needs from its surroundings. */
export interface WatchdogSteps {
  holdings(): Iterable<Holding>;
  /** Connects to this program as a client would. Never rejects. */
  look(host: CertificateName): Promise<Look>;
  /** What each worker says that it serves, by its number; without those that hold none. Never rejects. */
  heldSerials(host: CertificateName): Promise<ReadonlyMap<number, string>>;
  /** How many workers there are: each may serve something else. */
  workers(): number;
  /** Announces the certificate in use to every worker once more. */
  announceAgain(holding: Holding): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0, below 1. */
  random(): number;
}

/** What clients get in place of the certificate that they should. */
type Wrong =
  /** Another one, and which worker it was that said so; `undefined`: seen from outside. */
  | { readonly kind: "other"; readonly serial: string; readonly worker: number | undefined }
  /** None; `rounds`: how many in a row have found that. */
  | { readonly kind: "none"; readonly why: string; readonly rounds: number };

/** Of clients that get nothing a person is told when a second round finds the same: a moment may be busy. */
const ROUNDS_MIN = 2;

/**
 * Asks every worker and looks from outside, again and again and whether a name was renewed or not, whether clients
 * get the certificate that they should: of several workers one may have missed it, and what they say may not
 * be what a client sees. A worker that serves another one is told again; when that does not
 * help, a person is. So is one when clients get none.
 */
export class Watchdog {
  readonly #steps: WatchdogSteps;
  /** What is served in place of the right one, by host. */
  readonly #wrong = new Map<CertificateName, Wrong>();
  /** Names that were looked at since the start. */
  readonly #seen = new Set<CertificateName>();
  /** Names in a row, of those that were looked at in this round, without an answer. */
  #silent = 0;

  constructor(steps: WatchdogSteps) {
    this.#steps = steps;
  }

  /** One round after the other, one name at a time, until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#sleep(limits.watchdogFirstMs, signal);
    await this.look(signal, limits.watchdogFirstMax);
    while (!signal.aborted) {
      const everyMs = this.#wrong.size > 0 ? limits.watchdogAgainMs : limits.watchdogEveryMs;
      await this.#sleep(everyMs, signal);
      await this.look(signal);
    }
  }

  /** One round, of so many names at most. */
  async look(signal: AbortSignal, namesMax = Number.POSITIVE_INFINITY): Promise<void> {
    const holdings = [...this.#steps.holdings()];
    const held = new Set(holdings.map(({ host }) => host));
    for (const host of this.#wrong.keys()) if (!held.has(host)) this.#wrong.delete(host);
    for (const host of this.#seen) if (!held.has(host)) this.#seen.delete(host);
    this.#silent = 0;
    for (const holding of holdings.slice(0, namesMax)) {
      if (signal.aborted || this.#silent >= limits.watchdogSilentMax) return;
      const wrong = await this.#lookAt(holding);
      if (wrong === undefined) this.#wrong.delete(holding.host);
      else this.#wrong.set(holding.host, wrong);
      this.#seen.add(holding.host);
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#steps;
    const waitMs = ms * (1 + limits.jitter * (2 * random() - 1));
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }

  /** Names whose clients get another certificate, although every worker was told, or none. */
  troubles(): Trouble[] {
    return [...this.#wrong].flatMap(([host, wrong]) =>
      wrong.kind === "none" && wrong.rounds < ROUNDS_MIN ? [] : [troubleOf(host, wrong)],
    );
  }

  /** Has nobody looked yet, since the program started, what clients of this name get? */
  isUndecided(name: string): boolean {
    for (const { host } of this.#steps.holdings()) if (host === name) return !this.#seen.has(host);
    return false;
  }

  async #lookAt(holding: Holding): Promise<Wrong | undefined> {
    const { log, announceAgain } = this.#steps;
    const { host } = holding;
    const wrong = await this.#findWrong(holding);
    if (wrong === undefined) return undefined;
    const facts = { host, serial: holding.certificate?.serial };
    if (wrong.kind === "none") {
      log.warn("certificate.unserved", { ...facts, why: wrong.why });
      return wrong;
    }
    const { serial: servedSerial, worker } = wrong;
    log.warn("certificate.mismatch", { ...facts, servedSerial, worker });
    try {
      await announceAgain(holding);
    } catch (error) {
      log.error("certificate.swap-failed", { host, ...failureFacts(error) });
    }
    return await this.#findWrong(holding);
  }

  /** `undefined` when all is well, or changes right now. */
  async #findWrong(holding: Holding): Promise<Wrong | undefined> {
    const serial = holding.certificate?.serial;
    if (serial === undefined || holding.isOrdering) return undefined;
    const isStill = () => holding.certificate?.serial === serial && !holding.isOrdering;
    const held = await this.#steps.heldSerials(holding.host);
    if (!isStill()) return undefined;
    for (const [worker, said] of held)
      if (said !== serial) return { kind: "other", worker, serial: said };
    return await this.#seeWrong(holding, serial, isStill);
  }

  /** Often enough to meet each worker. */
  async #seeWrong(
    holding: Holding,
    serial: string,
    isStill: () => boolean,
  ): Promise<Wrong | undefined> {
    const looks = Math.min(this.#steps.workers() * 2, limits.watchdogLooksMax);
    for (let count = 0; count < looks; count += 1) {
      const look = await this.#steps.look(holding.host);
      if (!isStill() || look.kind === "unseen") return undefined;
      holding.servedSerial = look.kind === "seen" ? look.serial : undefined;
      if (look.kind === "nothing") return this.#noneOf(holding, look);
      this.#silent = 0;
      if (look.serial !== serial) return { kind: "other", worker: undefined, serial: look.serial };
    }
    return undefined;
  }

  /** Nobody is owed one that has expired, or that policy refuses now. */
  #noneOf(
    { host, certificate, isRefused }: Holding,
    { why, isSilent }: Extract<Look, { kind: "nothing" }>,
  ): Wrong | undefined {
    const isGood = certificate !== undefined && this.#steps.clock.now() < certificate.notAfter;
    if (!isGood || isRefused) return undefined; // uncounted, too: these must not end a round before the others
    this.#silent = isSilent ? this.#silent + 1 : 0;
    const before = this.#wrong.get(host);
    const rounds = before?.kind === "none" ? before.rounds : 0;
    return { kind: "none", why, rounds: rounds + 1 };
  }
}

function troubleOf(host: CertificateName, wrong: Wrong): Trouble {
  const common = { host, severity: "critical", nextAttemptAt: undefined } as const;
  if (wrong.kind === "none") {
    return {
      ...{ ...common, kind: "certificate.unserved" },
      message: `Clients of ${host} get no certificate, although one is stored`,
      detail: `A connection of our own: ${wrong.why}`,
      hint: "See the log for why (connection.refused, overload.began), and whether this machine reaches its own address: a firewall may stand between. Then reload the program: its workers are started anew.",
    };
  }
  const { serial, worker } = wrong;
  return {
    ...{ ...common, kind: "certificate.mismatch" },
    message: `Clients of ${host} get another certificate than the one that is stored`,
    detail: worker === undefined ? `Served is ${serial}` : `Worker ${worker} serves ${serial}`,
    hint: "Reload the program: its workers are then started anew. See whether another program listens on its port.",
  };
}
