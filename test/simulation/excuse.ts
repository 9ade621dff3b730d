/** A stretch of time during which something was wrong for a host; `to` is infinite while it lasts. */
export interface Trouble {
  readonly from: number;
  readonly to: number;
}

/** A stretch during which clients got an expired certificate. */
export interface Lapse {
  /** When the renewal of that certificate was due at the latest. */
  readonly dueBy: number;
  readonly notAfter: number;
  /** When its successor was served. */
  readonly until: number;
}

/**
 * After the end of a trouble a certificate is due within this: the longest wait of ours while little life is
 * left (an hour and its tenth, which is also what a CA asks for here), and 5 minutes for the order.
 */
export const RECOVERY_MS = 71 * 60_000;

/**
 * How much of a lapse nobody could have prevented, in milliseconds: troubles that let no certificate be had, without a
 * gap between them, that began before the renewal was due and outlasted all the life that was left; and the time to
 * recover from those. One that began later finds a certificate renewed, or a fault of ours; and so does a gap, however
 * short.
 *
 * @param troubles Those with which nobody could have been issued a certificate.
 */
export function excusedMs(troubles: readonly Trouble[], lapse: Lapse): number {
  const { dueBy, notAfter, until } = lapse;
  let to = Number.NEGATIVE_INFINITY;
  for (const trouble of troubles.toSorted((a, b) => a.from - b.from)) {
    const isUnbroken = trouble.from <= Math.max(dueBy, to);
    if (isUnbroken) to = Math.max(to, trouble.to);
  }
  return to < notAfter ? 0 : Math.min(until, to + RECOVERY_MS) - notAfter;
}
