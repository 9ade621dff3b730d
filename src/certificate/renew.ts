import type { Clock } from "../base/clock.ts";
import type { Renewal } from "../config/config.ts";
import type { Holdings } from "./holdings.ts";
import type { Holding } from "./records.ts";

/** What the unattended loop needs from its surroundings. */
export interface RenewSteps {
  readonly holdings: Holdings;
  readonly clock: Clock;
  readonly renewal: Renewal;
  /** Are listed hosts without a certificate ordered unasked? */
  readonly atStart: boolean;
  /** One attempt for one name; never rejects. */
  renew(holding: Holding): Promise<void>;
  /** Certificates that live in memory only: is storage willing again? Never rejects. */
  saveUnsaved(): Promise<void>;
}

/**
 * The unattended loop: everything that is due gets its attempt, nearest expiry first; then it sleeps
 * until the next moment that something is due, at most `renewal.checkEvery`. Ends with the signal.
 */
export async function keepRenewing(steps: RenewSteps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const now = steps.clock.now();
    for (const holding of dueNow(steps, now)) void steps.renew(holding);
    await steps.saveUnsaved();
    const waitMs = Math.min(
      steps.renewal.checkEveryMs,
      Math.max(SHORTEST_WAIT_MS, nextDueAt(steps) - now),
    );
    await steps.clock.sleep(waitMs, signal).catch(() => {
      // Stopping: the loop's condition sees it.
    });
  }
}

/** A clock that jumps must not turn the loop into a spin. */
const SHORTEST_WAIT_MS = 250;

/** Renewals before first certificates, the nearest expiry first. */
function dueNow(steps: RenewSteps, now: number): Holding[] {
  return [...steps.holdings.all()]
    .filter((holding) => (dueAt(holding, steps.atStart) ?? Number.POSITIVE_INFINITY) <= now)
    .sort((a, b) => expiryOf(a) - expiryOf(b));
}

function nextDueAt(steps: RenewSteps): number {
  let next = Number.POSITIVE_INFINITY;
  for (const holding of steps.holdings.all())
    next = Math.min(next, dueAt(holding, steps.atStart) ?? next);
  return next;
}

/** When the loop has something to do for this name; `undefined`: not by itself. */
export function dueAt(holding: Holding, atStart: boolean): number | undefined {
  const { certificate, isOrdering, listed, nextAttemptAt, attempts } = holding;
  if (isOrdering) return undefined;
  if (certificate !== undefined) return Math.max(certificate.renewAt, nextAttemptAt ?? 0);
  // A name made on demand that never had a certificate is a stranger's idea: only a visitor brings it back.
  if (!listed || (!atStart && attempts === 0)) return undefined;
  return nextAttemptAt ?? 0;
}

function expiryOf({ certificate }: Holding): number {
  return certificate?.notAfter ?? Number.POSITIVE_INFINITY;
}
