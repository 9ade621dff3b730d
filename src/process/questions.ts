import { withDeadline } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ReloadAnswer } from "../base/reload-outcome.ts";
import { limits } from "../config/limits.ts";
import type { Channel } from "./channel.ts";
import type { WorkerToManager } from "./messages.ts";

type Counted = Extract<WorkerToManager, { readonly type: "counts.answer" }>;

/**
 * Has the supervisor read the file, and replace this process too when it accepts it. One that leaves for an earlier
 * reload does not hear what becomes of this one: `undefined`. Never rejects.
 */
export async function askForReload(
  channel: Pick<Channel, "ask">,
  isReplaced: () => boolean,
  stopping: AbortSignal,
): Promise<ReloadAnswer | undefined> {
  try {
    const signal = withDeadline(stopping, limits.reloadMaxMs);
    const answer = await channel.ask("supervisor", (ask) => ({ type: "reload.ask", ask }), signal);
    if (answer.type === "reload.answer") return answer.outcome;
    throw new TypeError("The supervisor answered something else");
  } catch (error) {
    if (isReplaced()) return undefined;
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = `the supervisor gave no answer within ${limits.reloadMaxMs} ms, and may still follow`;
    return { kind: "unanswered", why: isLate ? `Cannot reload: ${why}` : messageOf(error) };
  }
}

/**
 * Asks a worker what it has counted.
 *
 * @throws {LatchkeyError} as `Channel.ask`; the signal's reason, or a `TimeoutError` after `limits.metricsTimeoutMs`.
 */
export async function askForCounts(
  channel: Channel,
  worker: number,
  withDelays: boolean,
  stopping: AbortSignal,
): Promise<Counted> {
  const signal = withDeadline(stopping, limits.metricsTimeoutMs);
  const question = (ask: number) => ({ type: "counts.ask", ask, withDelays }) as const;
  const answer = await channel.ask(`worker ${worker}`, question, signal);
  if (answer.type === "counts.answer") return answer;
  throw new TypeError("The worker answered something else");
}
