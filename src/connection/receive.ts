import type { Socket } from "node:net";
import { messageOf } from "../base/errors.ts";
import { failureFacts } from "../base/log.ts";
import { clientAddressOf } from "./client-address.ts";
import { Refusal, sayFarewell } from "./refusal.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { type Steps, serve } from "./serve.ts";

/**
 * One accepted connection, from its first tick: serves it, and turns whatever goes wrong into one
 * line of the log and one closed socket. Never rejects. Takes the socket over, which must carry an
 * `error` listener.
 */
export async function receive(socket: Socket, steps: Steps, refusals: RefusalLog): Promise<void> {
  const client = clientAddressOf(socket);
  if (client === undefined) {
    socket.destroy();
    return;
  }
  try {
    await serve(socket, client, steps);
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
