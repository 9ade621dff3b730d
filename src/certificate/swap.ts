import type { CertificateName } from "../base/certificate-name.ts";
import type { Credential } from "../base/credential.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import type { IssuanceNews } from "../process/certificate-news.ts";
import type { ManagerToWorkers } from "../process/messages.ts";
import type { Acknowledgements } from "./acknowledge.ts";
import type { Look } from "./served.ts";

/** What the swap needs from its surroundings. */
export interface SwapSteps {
  readonly acknowledgements: Acknowledgements;
  broadcast(message: ManagerToWorkers): void;
  /** See {@link lookAtServed}. */
  look(host: CertificateName): Promise<Look>;
  readonly log: Log;
}

/**
 * Puts a new certificate into every worker: announces it, waits until all that hold the name have
 * swapped, then looks from outside, once more when that shows nothing and was answered. Events `certificate.swapped`, or what a
 * client gets in its place: `certificate.mismatch`, `certificate.unserved`.
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
  const look = await lookTwice(steps, host);
  const facts = {
    host,
    serial: credential.serial,
    durationMs: Math.round(performance.now() - startedAt),
  };
  if (!isComplete) steps.log.warn("certificate.swap-incomplete", facts);
  if (look.kind === "nothing") steps.log.warn("certificate.unserved", { ...facts, why: look.why });
  else if (look.kind === "seen" && look.serial !== credential.serial)
    steps.log.warn("certificate.mismatch", { ...facts, servedSerial: look.serial });
  else steps.log.info("certificate.swapped", facts);
  return look.kind === "seen" ? look.serial : undefined;
}

/** In a busy moment a client that comes again is served; a door that kept silent would cost an order its time twice. */
async function lookTwice(steps: SwapSteps, host: CertificateName): Promise<Look> {
  const look = await steps.look(host);
  return look.kind === "nothing" && !look.isSilent ? await steps.look(host) : look;
}
