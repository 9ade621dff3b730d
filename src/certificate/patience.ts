import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import { limits } from "../config/limits.ts";

/**
 * How often one attempt looks whether the CA has got on with what it is about. Whoever is out of patience leaves
 * the order to the next attempt: at the CA it goes on.
 */
export class Patience {
  readonly #host: CertificateName;
  readonly #clock: Clock;
  #looks = 0;

  constructor(host: CertificateName, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /**
   * Waits before another look: 0.25 s doubling to 15 s, longer where Retry-After says so, 15 s at most.
   *
   * @param waits How many there were before, for the same thing.
   * @param cause What the CA has found wrong so far, if it said so.
   * @throws {LatchkeyError} `cause`, or `ACME_UNFINISHED`, instead of waiting too often.
   */
  async wait(
    retryAfterMs: number | undefined,
    waits: number,
    signal: AbortSignal,
    cause?: LatchkeyError,
  ): Promise<void> {
    if (this.#looks === limits.acmePollsMax) throw cause ?? unfinished(this.#host);
    this.#looks += 1;
    // A CA that says "0" again and again must not make us hammer it.
    const ladderMs = limits.acmePollMinMs * 2 ** Math.min(waits, 10);
    const wantedMs = Math.max(retryAfterMs ?? 0, ladderMs);
    await this.#clock.sleep(Math.min(wantedMs, limits.acmePollMaxMs), signal);
  }
}

function unfinished(host: CertificateName): LatchkeyError {
  const why = `the CA was still at it after ${limits.acmePollsMax} looks, and the next attempt goes on with the same order`;
  return new LatchkeyError("ACME_UNFINISHED", `Cannot get a certificate for ${host} yet: ${why}`, {
    host,
  });
}
