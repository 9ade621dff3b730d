import { setTimeout as delay } from "node:timers/promises";
import { codeOf, LatchkeyError } from "../base/errors.ts";

/** A reload has a new manager within a second, on a busy machine within several. */
const RETURN_MS = 5_000;
const ASK_EVERY_MS = 100;

/**
 * Asks the running program, and again for a few seconds while nobody listens on a socket that is there: a reload
 * replaces the process that does. Without any socket nothing runs, and there is nothing to wait for.
 *
 * @param unanswered Also when the process went away with the question? For what may be asked twice.
 * @throws What `ask` throws at last.
 */
export async function patiently<Answer>(
  ask: () => Promise<Answer>,
  { unanswered }: { readonly unanswered: boolean },
): Promise<Answer> {
  const lastAsk = performance.now() + RETURN_MS;
  while (true) {
    try {
      return await ask();
    } catch (error) {
      const reason = error instanceof LatchkeyError ? codeOf(error.cause) : undefined;
      const isAway = reason === "ECONNREFUSED" || (unanswered && reason === "ECONNRESET");
      if (!isAway || performance.now() > lastAsk) throw error;
    }
    await delay(ASK_EVERY_MS);
  }
}
