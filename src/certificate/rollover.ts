import { withDeadline } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import { limits } from "../config/limits.ts";
import type { Accounts, Endpoint } from "./account.ts";
import type { OrderQueue } from "./order-queue.ts";

/** What giving accounts new keys needs from its surroundings. */
export interface RolloverSteps {
  readonly accounts: Accounts;
  readonly queue: OrderQueue;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/**
 * Gives our account with each of these CAs a new key, one after the other, each when no order is under way
 * there: key authorizations hang on the key. Never rejects.
 *
 * @param endpoints Of several ways to one directory the first is taken.
 */
export async function rollOver(
  steps: RolloverSteps,
  endpoints: readonly Endpoint[],
): Promise<readonly RolloverOutcome[]> {
  const outcomes = new Map<string, RolloverOutcome>();
  for (const endpoint of endpoints) {
    const { directory } = endpoint;
    if (!outcomes.has(directory)) outcomes.set(directory, await rollOne(steps, endpoint));
  }
  return [...outcomes.values()];
}

async function rollOne(
  { accounts, queue, log, signal }: RolloverSteps,
  endpoint: Endpoint,
): Promise<RolloverOutcome> {
  const { directory } = endpoint;
  try {
    const waiting = withDeadline(signal, limits.accountIdleMaxMs);
    const changed = await queue.alone(
      directory,
      () => accounts.roll(endpoint, withDeadline(signal, limits.acmeRequestTimeoutMs)),
      waiting,
    );
    if (changed.kind === "none") {
      return { directory, outcome: "refused", detail: "there is no account with this CA yet" };
    }
    if (changed.kind === "not-offered") {
      const detail = "this CA does not offer it: its directory has no keyChange";
      return { directory, outcome: "refused", detail };
    }
    log.warn("account.key-changed", { issuer: directory, account: changed.account });
    return { directory, outcome: "done", detail: `${changed.account} has a new key` };
  } catch (error) {
    log.error("account.key-unchanged", { issuer: directory, ...failureFacts(error) });
    return { directory, outcome: "failed", detail: whyOf(error) };
  }
}

function whyOf(error: unknown): string {
  const isLate = error instanceof Error && error.name === "TimeoutError";
  if (isLate) return "orders are under way, or the CA is too slow: try again later";
  return `${codeOf(error) ?? "failed"}: ${messageOf(error)}`;
}
