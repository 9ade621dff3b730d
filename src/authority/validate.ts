import { withDeadline } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import type { ChallengeType } from "./orders.ts";
import { type Problem, problemOf } from "./refusal.ts";
import { type Listener, type Proof, validateHttp } from "./validate-http.ts";
import { validateTlsAlpn } from "./validate-tls-alpn.ts";

/** For one listener; they are on this very machine. */
const VALIDATION_TIMEOUT_MS = 5_000;

/** Connections to one listener within that time: a worker that dies cuts the one it was answering, and the next finds another. */
const CONNECTIONS_MAX = 3;

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
 * Looks for the proof at one listener after the other, at most 5 s each, until one gives it. A
 * connection that is cut is no answer (RFC 8555 §8.2 lets a server look again): there is another.
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
    const deadline = withDeadline(signal, VALIDATION_TIMEOUT_MS);
    const problem = await lookAt(listener, type, proof, deadline);
    if (problem === undefined) return undefined;
    // A wrong answer tells more than no answer from the next listener.
    if (found.type.endsWith(":connection")) found = problem;
  }
  return found;
}

async function lookAt(
  listener: Listener,
  type: ChallengeType,
  proof: Proof,
  deadline: AbortSignal,
): Promise<Problem | undefined> {
  const look = type === "http-01" ? validateHttp : validateTlsAlpn;
  let problem = await look(listener, proof, deadline);
  for (let connections = 1; connections < CONNECTIONS_MAX; connections += 1) {
    if (problem === undefined || !wasCut(problem) || deadline.aborted) return problem;
    problem = await look(listener, proof, deadline);
  }
  return problem;
}

function wasCut({ type }: Problem): boolean {
  return type.endsWith(":connection") || type.endsWith(":tls");
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
