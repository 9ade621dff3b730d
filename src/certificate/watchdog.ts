import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Trouble } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { Holding } from "./records.ts";

/** What the watchdog needs from its surroundings. */
export interface WatchdogSteps {
  holdings(): Iterable<Holding>;
  /** Connects to this program as a client would; the serial that it gets, if any. Never rejects. */
  servedSerial(host: CertificateName): Promise<string | undefined>;
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

/** Another serial than the right one, and which worker it was that said so; `undefined`: seen from outside. */
interface Wrong {
  readonly serial: string;
  readonly worker: number | undefined;
}

/**
 * Asks every worker and looks from outside, again and again and whether a name was renewed or not, whether clients
 * get the certificate that they should: of several workers one may have missed it, and what they say may not
 * be what a client sees. A worker that serves another one is told again; when that does not
 * help, a person is.
 */
export class Watchdog {
  readonly #steps: WatchdogSteps;
  /** What is served in place of the right one, by host. */
  readonly #wrong = new Map<CertificateName, Wrong>();

  constructor(steps: WatchdogSteps) {
    this.#steps = steps;
  }

  /** One round after the other, one name at a time, until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#steps;
    while (!signal.aborted) {
      const everyMs = this.#wrong.size > 0 ? limits.watchdogAgainMs : limits.watchdogEveryMs;
      const waitMs = everyMs * (1 + limits.jitter * (2 * random() - 1));
      await clock.sleep(waitMs, signal).catch(() => undefined);
      await this.look(signal);
    }
  }

  /** One round. */
  async look(signal: AbortSignal): Promise<void> {
    const holdings = [...this.#steps.holdings()];
    const held = new Set(holdings.map(({ host }) => host));
    for (const host of this.#wrong.keys()) if (!held.has(host)) this.#wrong.delete(host);
    for (const holding of holdings) {
      if (signal.aborted) return;
      await this.#lookAt(holding);
    }
  }

  /** Names whose clients get another certificate, although every worker was told. */
  troubles(): Trouble[] {
    return [...this.#wrong].map(([host, { serial, worker }]) => ({
      ...({ kind: "certificate.mismatch", host, severity: "critical" } as const),
      message: `Clients of ${host} get another certificate than the one that is stored`,
      detail: worker === undefined ? `Served is ${serial}` : `Worker ${worker} serves ${serial}`,
      hint: "Reload the program: its workers are then started anew. See whether another program listens on its port.",
      nextAttemptAt: undefined,
    }));
  }

  async #lookAt(holding: Holding): Promise<void> {
    const { log, announceAgain } = this.#steps;
    const { host } = holding;
    const wrong = await this.#findWrong(holding);
    if (wrong === undefined) {
      this.#wrong.delete(host);
      return;
    }
    log.warn("certificate.mismatch", {
      ...{ host, serial: holding.certificate?.serial },
      ...{ servedSerial: wrong.serial, worker: wrong.worker },
    });
    try {
      await announceAgain(holding);
    } catch (error) {
      log.error("certificate.swap-failed", { host, ...failureFacts(error) });
    }
    const still = await this.#findWrong(holding);
    if (still === undefined) this.#wrong.delete(host);
    else this.#wrong.set(host, still);
  }

  /** `undefined` when all is well, or changes right now. */
  async #findWrong(holding: Holding): Promise<Wrong | undefined> {
    const serial = holding.certificate?.serial;
    if (serial === undefined || holding.isOrdering) return undefined;
    const isStill = () => holding.certificate?.serial === serial && !holding.isOrdering;
    const held = await this.#steps.heldSerials(holding.host);
    if (!isStill()) return undefined;
    for (const [worker, said] of held) if (said !== serial) return { worker, serial: said };
    return await this.#seeWrong(holding.host, serial, isStill);
  }

  /** Often enough to meet each worker. */
  async #seeWrong(
    host: CertificateName,
    serial: string,
    isStill: () => boolean,
  ): Promise<Wrong | undefined> {
    const looks = Math.min(this.#steps.workers() * 2, limits.watchdogLooksMax);
    for (let look = 0; look < looks; look += 1) {
      const served = await this.#steps.servedSerial(host);
      if (!isStill()) return undefined;
      if (served !== undefined && served !== serial) return { worker: undefined, serial: served };
    }
    return undefined;
  }
}
