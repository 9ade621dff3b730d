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
  /** How many workers there are: each may serve something else. */
  workers(): number;
  /** Announces the certificate in use to every worker once more. */
  announceAgain(holding: Holding): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0, below 1. */
  random(): number;
}

/**
 * Looks from outside, again and again and whether a name was renewed or not, whether clients get the
 * certificate that they should. A worker that serves another one is told again; when that does not
 * help, a person is.
 */
export class Watchdog {
  readonly #steps: WatchdogSteps;
  /** The serial served in place of the right one, by host. */
  readonly #wrong = new Map<CertificateName, string>();

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
    return [...this.#wrong].map(([host, served]) => ({
      ...({ kind: "certificate.mismatch", host, severity: "critical" } as const),
      message: `Clients of ${host} get another certificate than the one that is stored`,
      detail: `Served is ${served}`,
      hint: "Reload the program: its workers are then started anew. See whether another program listens on its port.",
      nextAttemptAt: undefined,
    }));
  }

  async #lookAt(holding: Holding): Promise<void> {
    const { log, announceAgain } = this.#steps;
    const { host } = holding;
    const served = await this.#wrongSerial(holding);
    if (served === undefined) {
      this.#wrong.delete(host);
      return;
    }
    log.warn("certificate.mismatch", {
      ...{ host, serial: holding.certificate?.serial, servedSerial: served },
    });
    try {
      await announceAgain(holding);
    } catch (error) {
      log.error("certificate.swap-failed", { host, ...failureFacts(error) });
    }
    const still = await this.#wrongSerial(holding);
    if (still === undefined) this.#wrong.delete(host);
    else this.#wrong.set(host, still);
  }

  /** Often enough to meet each worker; `undefined` when all is well, or changes right now. */
  async #wrongSerial(holding: Holding): Promise<string | undefined> {
    const { servedSerial, workers } = this.#steps;
    const serial = holding.certificate?.serial;
    const looks = Math.min(workers() * 2, limits.watchdogLooksMax);
    for (let look = 0; look < looks; look += 1) {
      if (serial === undefined || holding.isOrdering) return undefined;
      const served = await servedSerial(holding.host);
      if (holding.certificate?.serial !== serial || holding.isOrdering) return undefined;
      if (served !== undefined && served !== serial) return served;
    }
    return undefined;
  }
}
