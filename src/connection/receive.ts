import type { Socket } from "node:net";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import { messageOf } from "../base/errors.ts";
import { failureFacts } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import { readArrival } from "./arrival.ts";
import type { ClientShares } from "./client-shares.ts";
import { Refusal, sayFarewell } from "./refusal.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { socketEnds } from "./socket-ends.ts";

/** What receiving needs to know, on every port. */
export interface Reception {
  readonly refusals: RefusalLog;
  readonly shares: ClientShares;
  /** Must this peer send a PROXY header (`listen.proxyProtocol`)? */
  isLoadBalancer(address: string): boolean;
}

/** A connection whose ends are known. */
export interface Arrival {
  readonly ends: ConnectionEnds;
  /** How long its first message may still take. */
  readonly timeoutMs: number;
}

/**
 * One accepted connection, from its first tick: finds out whose it is, serves it, and turns whatever goes
 * wrong into one line of the log and one closed socket. Never rejects. Takes the socket over, which must
 * carry an `error` listener.
 *
 * @param serve Takes the socket over; it is this function's again when `serve` throws a {@link Refusal},
 * and closed after every other error.
 */
export async function receive(
  socket: Socket,
  { refusals, shares, isLoadBalancer }: Reception,
  serve: (socket: Socket, arrival: Arrival) => Promise<void> | void,
): Promise<void> {
  const own = socketEnds(socket);
  if (own === undefined) {
    socket.destroy();
    return;
  }
  let client: string | undefined;
  try {
    const arrival = isLoadBalancer(own.source.address)
      ? await arrivalBehind(socket, own)
      : { ends: own, timeoutMs: limits.helloTimeoutMs };
    client = arrival.ends.source.address;
    if (!shares.admit(socket, client)) throw new Refusal("silence", "CLIENT_OVER_CONNECTIONS");
    await serve(socket, arrival);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) {
      socket.destroy();
      refusals.report({ ...failureFacts(thrown), client });
      return;
    }
    const { farewell, code, facts, cause } = thrown;
    // Probes of load balancers connect and leave: that is no news.
    if (code !== "CLIENT_LEFT") {
      const reason = cause === undefined ? facts["reason"] : messageOf(cause);
      refusals.report({ ...facts, code, reason, client });
    }
    await sayFarewell(socket, farewell);
  }
}

/** The header shares the deadline of what follows it: one who sends both slowly gains nothing. */
async function arrivalBehind(socket: Socket, own: ConnectionEnds): Promise<Arrival> {
  const startedAt = performance.now();
  const ends = await readArrival(socket, own, limits.helloTimeoutMs);
  const left = limits.helloTimeoutMs - (performance.now() - startedAt);
  return { ends, timeoutMs: Math.max(0, left) };
}
