import { LatchkeyError } from "../base/errors.ts";

/** Why nothing is asked of a CA now; not a failure of anybody. */
export interface Wait {
  readonly code: "BUDGET_SPENT" | "ACME_PAUSED" | "LISTEN_FAILED";
  /** Milliseconds since the epoch. */
  readonly until: number;
  readonly detail: string;
}

/** The wait that an error stands for; `undefined` for an error that is a failure. */
export function waitIn(error: unknown): Wait | undefined {
  if (!(error instanceof LatchkeyError)) return undefined;
  const { code, facts } = error;
  const until = facts["until"];
  if ((code !== "BUDGET_SPENT" && code !== "ACME_PAUSED") || typeof until !== "number")
    return undefined;
  return { code, until, detail: String(facts["detail"]) };
}

/** A wait as an error of whoever cannot go on because of it. */
export function waiting(action: string, { code, until, detail }: Wait): LatchkeyError {
  return new LatchkeyError(code, `Cannot ${action}: ${detail}`, { until, detail });
}
