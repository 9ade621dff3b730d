import type { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import type { Renewal } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Holdings } from "./holdings.ts";
import { rankOf } from "./rank.ts";
import { type Holding, renewAtOf } from "./records.ts";
import { withinADay } from "./schedule.ts";

/** What the unattended loop needs from its surroundings. */
export interface RenewSteps {
  readonly holdings: Holdings;
  readonly clock: Clock;
  /** Rings when something may have become due earlier than it was. */
  readonly bell: Bell;
  readonly renewal: Renewal;
  /** Are listed hosts without a certificate ordered unasked? */
  atStart(host: CertificateName): boolean;
  /** One attempt for one name; never rejects. */
  renew(holding: Holding): Promise<void>;
  /** Its failures do not count any more. Never rejects. */
  forget(holding: Holding): Promise<void>;
  /** Certificates that live in memory only: is storage willing again? Never rejects. */
  saveUnsaved(): Promise<void>;
}

/**
 * The unattended loop: everything that is due gets its attempt, nearest expiry first, one at a time
 * for each name; then it sleeps until the next moment that something is due, at most
 * `renewal.checkEvery`, or until an attempt has ended and may be due again, or the bell rings. Ends
 * with the signal.
 */
export async function keepRenewing(steps: RenewSteps, signal: AbortSignal): Promise<void> {
  // From the first question to policy on, and while it waits for its turn: thousands may be due at once.
  const underWay = new Set<Holding>();
  const { bell, clock } = steps;
  while (!signal.aborted) {
    const now = clock.now();
    for (const holding of steps.holdings.all()) {
      const { nextAttemptAt } = holding;
      if (nextAttemptAt !== undefined) holding.nextAttemptAt = withinADay(nextAttemptAt, now);
      if (!underWay.has(holding) && isMoot(holding, now)) await steps.forget(holding);
    }
    for (const holding of dueNow(steps, underWay, now)) {
      underWay.add(holding);
      void steps.renew(holding).then(() => {
        underWay.delete(holding);
        bell.ring();
      });
    }
    await steps.saveUnsaved();
    const waitMs = Math.min(
      steps.renewal.checkEveryMs,
      Math.max(SHORTEST_WAIT_MS, nextDueAt(steps, underWay) - clock.now()),
    );
    const rang = await bell.sleep(clock, waitMs, signal);
    if (rang) await clock.sleep(SHORTEST_WAIT_MS, signal).catch(() => undefined);
  }
}

/** A clock that jumps, or an attempt that changes nothing, must not turn the loop into a spin. */
const SHORTEST_WAIT_MS = 250;

/**
 * Did a clock that was ahead let it be renewed too soon, and fail? Then it would be called failing until the
 * renewal that is really due, weeks later.
 */
function isMoot(holding: Holding, now: number): boolean {
  const { isOrdering, lastError } = holding;
  if (lastError === undefined || isOrdering) return false;
  const isOfTheFuture = Date.parse(lastError.at) - now > limits.clockToleranceMs;
  return isOfTheFuture && (renewAtOf(holding) ?? 0) > now;
}

/** Everything that is due, the most urgent first. */
function dueNow(steps: RenewSteps, underWay: ReadonlySet<Holding>, now: number): Holding[] {
  return [...steps.holdings.all()]
    .filter((holding) => !underWay.has(holding))
    .filter(
      (holding) => (dueAt(holding, steps.atStart(holding.host)) ?? Number.POSITIVE_INFINITY) <= now,
    )
    .sort((a, b) => rankOf(a, now) - rankOf(b, now));
}

function nextDueAt(steps: RenewSteps, underWay: ReadonlySet<Holding>): number {
  let next = Number.POSITIVE_INFINITY;
  for (const holding of steps.holdings.all()) {
    if (underWay.has(holding)) continue;
    next = Math.min(next, dueAt(holding, steps.atStart(holding.host)) ?? next);
  }
  return next;
}

/**
 * When the loop has something to do for this name; `undefined`: not by itself. What failed or was put off is tried again
 * at its time also when the certificate is not due: an operator wanted it, or its CA did for a while, and nothing
 * else would end that state.
 */
export function dueAt(holding: Holding, atStart: boolean): number | undefined {
  const { isOrdering, listed, nextAttemptAt, attempts, lastError, waiting } = holding;
  if (isOrdering) return undefined;
  const renewAt = renewAtOf(holding);
  const isBegun = lastError !== undefined || waiting !== undefined;
  if (renewAt !== undefined) return Math.max(isBegun ? 0 : renewAt, nextAttemptAt ?? 0);
  // A name made on demand that never had a certificate is a stranger's idea: only a visitor brings it back.
  if (!listed || (!atStart && attempts === 0)) return undefined;
  return nextAttemptAt ?? 0;
}
