import { AcmeProblem } from "../acme/problem.ts";
import { LatchkeyError } from "../base/errors.ts";
import type { BudgetKind } from "../storage/budgets.ts";
import { type Planned, type Subject, subjectsOf } from "./planned-order.ts";
import { registeredDomainOf } from "./registered-domain.ts";

/** An order that came too soon for a CA, or for whatever answers in its place. */
export interface RateLimit {
  /** The CA's own words; empty when it gave none. */
  readonly detail: string;
  /** Not clamped. */
  readonly retryAfterMs: number | undefined;
}

const TOO_MANY_REQUESTS = 429;

/** The limit that an error tells of, by the status alone: a gateway before a CA answers with a page of its own. */
export function rateLimitIn(error: unknown): RateLimit | undefined {
  if (!(error instanceof LatchkeyError)) return undefined;
  const { status, retryAfterMs } = error.facts;
  if (status !== TOO_MANY_REQUESTS) return undefined;
  const detail = error instanceof AcmeProblem ? error.detail : "";
  return { detail, retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : undefined };
}

/**
 * Which of a CA's limits an order ran into. The problem has no field for it, so it is read from the words:
 * Let's Encrypt names the domain or the name, or speaks of the "exact set". Words that name nothing are
 * taken for a limit of the whole account: one refusal tells for all names, instead of one for each.
 */
export function limitedBy({ detail }: RateLimit, planned: Planned): Subject {
  const { directory, name, purpose } = planned;
  const of = (kind: BudgetKind, subject: string): Subject => ({ directory, kind, subject });
  if (/failed authorizations/i.test(detail)) return subjectsOf(planned).failures;
  if (/exact set/i.test(detail) || names(detail, name)) return of("names", name);
  const domain = registeredDomainOf(name);
  // A renewal does not ask for this budget: it is closed for its own name.
  if (names(detail, domain)) return purpose === "new" ? of("domain", domain) : of("names", name);
  return of(purpose === "new" ? "orders" : "renewals", "");
}

/** Does the text speak of this name, and not only of one below it? */
function names(text: string, name: string): boolean {
  const escaped = name.replace(/[.*]/g, "\\$&");
  return new RegExp(`(?<![\\w.*-])${escaped}(?![\\w-]|\\.\\w)`, "i").test(text);
}
