import { withDeadline } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import type { ChallengeType } from "./orders.ts";
import { type Problem, problemOf } from "./refusal.ts";
import { type Listener, type Proof, validateHttp } from "./validate-http.ts";
import { validateTlsAlpn } from "./validate-tls-alpn.ts";

/** For one listener; they are on this very machine. */
const VALIDATION_TIMEOUT_MS = 5_000;

/** Where this program's own listeners are, by what they speak. Read anew at each use. */
export interface Reach {
  readonly http: readonly Listener[];
  readonly https: readonly Listener[];
}

/** The challenges that some listener could answer, in the order in which they are offered. */
export function offeredChallenges(reach: Reach): readonly ChallengeType[] {
  const types: readonly ChallengeType[] = ["http-01", "tls-alpn-01"];
  return types.filter((type) => listenersFor(type, reach).length > 0);
}

/**
 * Looks for the proof at one listener after the other, at most 5 s each, until one gives it.
 *
 * @param signal Ends it early, with a problem.
 * @returns What is wrong, or `undefined` when the name is proven. Never rejects.
 */
export async function validate(
  type: ChallengeType,
  proof: Proof,
  reach: Reach,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  let found = problemOf("connection", `No listener of this program could answer ${type}`);
  for (const listener of listenersFor(type, reach)) {
    const attempt = type === "http-01" ? validateHttp : validateTlsAlpn;
    const problem = await attempt(listener, proof, withDeadline(signal, VALIDATION_TIMEOUT_MS));
    if (problem === undefined) return undefined;
    // A wrong answer tells more than no answer from the next listener.
    if (found.type.endsWith(":connection")) found = problem;
  }
  return found;
}

function listenersFor(type: ChallengeType, reach: Reach): readonly Listener[] {
  switch (type) {
    case "http-01":
      return reach.http;
    case "tls-alpn-01":
      return reach.https;
    default:
      return unreachable(type);
  }
}
