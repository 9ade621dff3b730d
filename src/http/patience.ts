import type { PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";

/** How long a backend is waited for, in milliseconds. */
export interface Patience {
  /** From the last byte of the request sent to the first byte of the answer. */
  readonly firstByteMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

/** As long as the route says; where it says nothing of messages, which come when there is something to say, as long as tunnels. */
export function patienceFor({ timeouts }: PathRoute, carriesMessages: boolean): Patience {
  if (!carriesMessages) return timeouts;
  return {
    firstByteMs: timeouts.streamFirstByteMs ?? limits.tunnelIdleTimeoutMs,
    idleMs: timeouts.streamIdleMs ?? limits.tunnelIdleTimeoutMs,
  };
}
