import { hostname } from "node:os";
import { systemClock } from "../../base/clock.ts";
import { codeOf } from "../../base/errors.ts";
import { whyNotListening } from "../../base/listen-failure.ts";
import { failureFacts, type Log } from "../../base/log.ts";
import type { Dashboard } from "../../config/config.ts";
import { formatListen } from "../../config/format-address.ts";
import { limits } from "../../config/limits.ts";
import type { Snapshot } from "../snapshot.ts";
import type { OpenDashboard } from "./serve.ts";

/**
 * Keeps a dashboard open until the signal aborts. An address that cannot be had is tried again every
 * `listenRetryEveryMs`, for as long; everything else goes on without it. Never rejects.
 *
 * @param dashboard `undefined`: there is none.
 */
export async function keepDashboard(
  dashboard: Dashboard | undefined,
  snapshot: () => Snapshot,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  if (dashboard === undefined) return;
  const steps = {
    ...{ snapshot, machine: hostname(), now: () => systemClock.now() },
    failed: (error: unknown) => log.error("dashboard.failed", failureFacts(error)),
  };
  const serve = async () => {
    const { serveDashboard } = await import("./serve.ts"); // most programs have none, and do without its memory
    return await serveDashboard(dashboard, steps);
  };
  const open = await openInTime(dashboard, serve, log, signal);
  if (signal.aborted) open?.close();
  else signal.addEventListener("abort", () => open?.close(), { once: true });
}

async function openInTime(
  { address }: Dashboard,
  open: () => Promise<OpenDashboard>,
  log: Log,
  signal: AbortSignal,
): Promise<OpenDashboard | undefined> {
  const where = { address: formatListen(address) };
  const retryEveryMs = limits.listenRetryEveryMs;
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      const opened = await open();
      log.info("dashboard.opened", { ...where, port: opened.port });
      return opened;
    } catch (error) {
      const message = whyNotListening(error);
      // Once, however long it lasts.
      if (message !== told)
        log.error("dashboard.unavailable", {
          ...where,
          code: codeOf(error),
          message,
          retryEveryMs,
        });
      told = message;
    }
    await systemClock.sleep(retryEveryMs, signal).catch(() => {}); // ended meanwhile
  }
  return undefined;
}
