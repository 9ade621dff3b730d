import type { Holding } from "./records.ts";

/** What stands on disk while an attempt is under way: read again only when it never ended. */
export const INTERRUPTED = {
  type: "INTERRUPTED",
  detail: "The program ended while this certificate was being ordered",
  hint: "Nothing needs to be done; if it happens again and again, see why the program ends.",
};

/** Did the program end during the last attempt, so that nobody knows how that went? */
export function wasInterrupted({ lastError }: Pick<Holding, "lastError">): boolean {
  return lastError?.type === INTERRUPTED.type;
}
