import type { CertificateName } from "../base/certificate-name.ts";
import type { Credential } from "../base/credential.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import type { IssuanceNews, ManagerToWorkers } from "../process/messages.ts";
import type { Acknowledgements } from "./acknowledge.ts";

/** What the swap needs from its surroundings. */
export interface SwapSteps {
  readonly acknowledgements: Acknowledgements;
  broadcast(message: ManagerToWorkers): void;
  /** Connects to this very program as a client would and returns the serial it serves for `host`. */
  servedSerial(host: CertificateName): Promise<string | undefined>;
  readonly log: Log;
}

/**
 * Puts a new certificate into every worker: announces it, waits until all that hold the name have
 * swapped, then looks from outside.
 *
 * @param credential What the news are of.
 * @returns The serial that a client gets now; `undefined` when that could not be seen.
 */
export async function swap(
  steps: SwapSteps,
  credential: Credential,
  news: IssuanceNews,
): Promise<string | undefined> {
  const { host } = news;
  const startedAt = performance.now();
  const announcement = steps.acknowledgements.nextRound();
  const acknowledged = steps.acknowledgements.wait(announcement, limits.acknowledgeTimeoutMs);
  steps.broadcast({ type: "certificate.announce", announcement, ...news });
  const isComplete = (await acknowledged) === "all";
  const served = await steps.servedSerial(host);
  const facts = {
    host,
    serial: credential.serial,
    durationMs: Math.round(performance.now() - startedAt),
  };
  if (!isComplete) steps.log.warn("certificate.swap-incomplete", facts);
  if (served !== undefined && served !== credential.serial)
    steps.log.warn("certificate.mismatch", { ...facts, servedSerial: served });
  else steps.log.info("certificate.swapped", facts);
  return served;
}
