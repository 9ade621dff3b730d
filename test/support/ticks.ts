import type { TestContext } from "node:test";
import { limits } from "../../src/config/limits.ts";

/** Puts the relay's ticks into the test's hands; sockets go on as ever. Call before the first connection. */
export function holdTicks(t: TestContext): (ms: number) => void {
  t.mock.timers.enable({ apis: ["setInterval"] });
  return (ms) => t.mock.timers.tick(ms);
}

/** Two ticks: the one that has begun, and the one that sees that the time is over. */
export const MARGIN_MS = 2 * limits.tickMs;

/** Room for what is on its way over loopback to be read, and for what follows from it. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}
