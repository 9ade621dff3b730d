import type { BackendAddress } from "./backend-address.ts";
import type { WrittenHealth } from "./balance-schema.ts";
import type { Balance, BalanceMethod, HealthCheck } from "./destination.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { formatDuration } from "./quantities.ts";
import type { Desk } from "./surroundings.ts";

/** What a host or path says about its backends as a group; what is absent was not written. */
export interface BalanceOptions {
  readonly balance?: BalanceMethod | undefined;
  readonly health?: WrittenHealth | "off" | undefined;
  readonly maxConnections?: number | undefined;
  readonly slowStart?: number | undefined;
  readonly ejectAfter?: number | undefined;
}

/** A backend as it stands in `to`. */
type WrittenBackend = BackendAddress & { readonly weight: number };

/** Any 2xx and 3xx: a backend that redirects its check is up. */
const GOOD = [[200, 399]] as const;

/** How one of `written` is chosen; the same backend twice is a fault. */
export function readBalance(
  options: BalanceOptions,
  written: readonly WrittenBackend[],
  path: Path,
  desk: Desk,
): Balance {
  const seen = new Set<string>();
  for (const { weight: _weight, ...address } of written) {
    const name = JSON.stringify(address);
    if (seen.has(name))
      desk.report(path, "has a backend twice, wanted once: `weight` gives it more");
    seen.add(name);
  }
  return {
    method: options.balance ?? "round-robin",
    weights: written.map(({ weight }) => weight),
    maxConnections: options.maxConnections,
    slowStartMs: options.slowStart ?? 0,
    ejectAfter: options.ejectAfter,
  };
}

/** Warns of a deadline beyond the next look: the backends that are silent are looked at less often than they should be. */
export function warnOfSlowLooks(written: BalanceOptions["health"], path: Path, desk: Desk): void {
  if (written === undefined || written === "off") return;
  const { timeout, every = limits.healthEveryMs } = written;
  if (timeout === undefined || timeout <= every) return;
  const message = `is longer than \`every\`, so that silent backends are looked at less often, wanted at most ${formatDuration(every)}`;
  desk.warn([...path, "timeout"], message);
}

/** Warns of a limit that the workers cannot share out: each lets one request through, or it would answer nobody. */
export function warnOfSmallLimit(
  max: number | undefined,
  workers: number,
  path: Path,
  desk: Desk,
): void {
  if (max === undefined || max >= workers) return;
  const message = `is less than the ${workers} workers, each of which lets one through, wanted at least ${workers}, or \`workers: ${max}\``;
  desk.warn([...path, "maxConnections"], message);
}

/** How it is found out which backends are up; `undefined`: nobody looks. */
export function readHealth(written: BalanceOptions["health"]): HealthCheck | undefined {
  if (written === undefined || written === "off") return undefined;
  return {
    path: written.path,
    statuses: written.status ?? GOOD,
    everyMs: written.every ?? limits.healthEveryMs,
    timeoutMs: written.timeout ?? limits.healthTimeoutMs,
    healthyAfter: written.healthyAfter ?? limits.healthyAfter,
    unhealthyAfter: written.unhealthyAfter ?? limits.unhealthyAfter,
  };
}
