import { type Clock, systemClock } from "../base/clock.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { lookAtStorage } from "../storage/look.ts";

/** A reload has a new manager within a second, on a busy machine within several; no program is dead that holds the lease. */
const RETURN_MS = 5_000;
const RETURN_MAX_MS = 30_000;
const ASK_EVERY_MS = 100;
const FOREVER = new AbortController().signal;

/**
 * Asks the running program, and again for a few seconds while nobody listens on a socket that is there: a reload
 * replaces the process that does. Without any socket nothing runs, and there is nothing to wait for.
 *
 * @param storage While a process that lives holds its lease, it is waited for longer.
 * @param unanswered Also when the process went away with the question? For what may be asked twice.
 * @param clock How long that is; the lease is looked at by the machine's own clock.
 * @throws What `ask` throws at last.
 */
export async function patiently<Answer>(
  ask: () => Promise<Answer>,
  { storage, unanswered }: { readonly storage: string; readonly unanswered: boolean },
  clock: Clock = systemClock,
): Promise<Answer> {
  const since = clock.now();
  while (true) {
    try {
      return await ask();
    } catch (error) {
      const reason = error instanceof LatchkeyError ? codeOf(error.cause) : undefined;
      const isAway = reason === "ECONNREFUSED" || (unanswered && reason === "ECONNRESET");
      if (!isAway || !(await mayReturn(clock.now() - since, storage))) throw error;
    }
    await clock.sleep(ASK_EVERY_MS, FOREVER);
  }
}

async function mayReturn(waitedMs: number, storage: string): Promise<boolean> {
  if (waitedMs <= RETURN_MS || waitedMs > RETURN_MAX_MS) return waitedMs <= RETURN_MS;
  const { folder } = await lookAtStorage(storage, { tryWriting: false, now: systemClock.now() });
  return folder.kind === "there" && folder.holder !== undefined;
}
