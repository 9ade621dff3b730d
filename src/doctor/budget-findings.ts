import { formatTime } from "../base/format-time.ts";
import type { Rate } from "../base/token-bucket.ts";
import type { CaLimits } from "../certificate/ca-limits.ts";
import { inWords, type Subject, type Subjects } from "../certificate/planned-order.ts";
import type { StoredBudget } from "../storage/budgets.ts";
import { advice, type Finding, fine, problemUnless } from "./finding.ts";

/** One order that may come, and what its CA allows. */
export interface BudgetQuestion {
  /** As the configuration spells the CA. */
  readonly issuer: string;
  readonly rates: CaLimits["rates"];
  readonly subjects: Subjects;
  /** Is a good certificate in use? Then there is time. */
  readonly isSpared: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How much the CA allows still, as far as this machine has counted. */
export function findingsOfBudgets(
  stored: readonly StoredBudget[],
  { issuer, rates, subjects, isSpared, now }: BudgetQuestion,
): readonly Finding[] {
  const { spent, kept, failures } = subjects;
  const known = (subject: Subject) =>
    stored.find(
      (each) =>
        each.directory === subject.directory &&
        each.kind === subject.kind &&
        each.subject === subject.subject,
    );
  const closed = [...spent, ...kept].flatMap((subject) => {
    const until = known(subject)?.closedUntil ?? now;
    return until <= now ? [] : [ofClosed(issuer, subject, until)];
  });
  const counted = [...spent, failures].flatMap((subject) => {
    const rate = rates[subject.kind];
    if (rate === undefined) return [];
    return [{ subject, rate, ...leftOf(rate, known(subject)?.fullAt ?? now, now) }];
  });
  const empty = counted.filter(({ left }) => left === 0);
  const words = counted.map(
    ({ subject, rate, left }) => `${left} of ${rate.burst} ${inWords(subject)}`,
  );
  if (closed.length === 0 && empty.length === 0) {
    return words.length === 0
      ? []
      : [fine("budget.left", `${issuer} still allows ${words.join(", ")}`)];
  }
  const spentOnes = empty.map(({ subject, nextAt }) =>
    problemUnless(
      isSpared,
      "budget.spent",
      `what ${issuer} allows of ${inWords(subject)} is used up until ${formatTime(nextAt)}`,
      "Wait: the next attempt comes by itself; `letsencrypt-staging` is there to try things out",
    ),
  );
  return [...closed, ...spentOnes];
}

/** The whole state of a token bucket is when it will be full. */
function leftOf({ burst, everyMs }: Rate, fullAt: number, now: number) {
  const tokens = Math.max(0, burst - Math.max(0, fullAt - now) / everyMs);
  const left = Math.floor(tokens);
  return { left, nextAt: now + Math.ceil((1 - (tokens - left)) * everyMs) };
}

function ofClosed(issuer: string, subject: Subject, until: number): Finding {
  const saw = `${issuer} asked for no ${inWords(subject)} before ${formatTime(until)}`;
  return advice("budget.closed", saw, "Wait: the next attempt comes by itself");
}
