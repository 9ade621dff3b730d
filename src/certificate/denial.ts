import type { LastError } from "../base/certificate-record.ts";
import { unreachable } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import type { CertificateOutcome } from "../process/certificate-news.ts";
import type { Decision } from "./policy.ts";

/** Any decision but a yes. */
export type Denial = Exclude<Decision, { readonly kind: "allowed" }>;

/** What a visitor's worker is told of it. */
export function outcomeWithout({ kind }: Denial): CertificateOutcome {
  if (kind === "spent") return { kind };
  return { kind: kind === "later" ? "unavailable" : "refused" };
}

/** For people. */
export function whyNot(decision: Denial): string {
  switch (decision.kind) {
    case "not-ours":
      return WHY_NOT_OURS[decision.source];
    case "spent":
      return "its client has brought too many new names";
    case "refused":
    case "later":
      return decision.why;
    default:
      return unreachable(decision);
  }
}

/** A row that says `refused` says why. */
export function refusalAt(why: string, now: number): LastError {
  const hint = "If the name is to be served, mend that; it is looked at again within an hour.";
  return { type: "HOST_REFUSED", detail: why, hint, at: formatTime(now) };
}

const WHY_NOT_OURS = {
  manual: "its certificate is given by hand",
  none: "it is passed through and has no certificate here",
} as const;
