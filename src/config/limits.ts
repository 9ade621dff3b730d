import { acmeLimits } from "./acme-limits.ts";
import { alertLimits } from "./alert-limits.ts";
import { authLimits } from "./auth-limits.ts";
import { balanceLimits } from "./balance-limits.ts";
import { certificateLimits } from "./certificate-limits.ts";
import { compressLimits } from "./compress-limits.ts";
import { configLimits } from "./config-limits.ts";
import { dashboardLimits } from "./dashboard-limits.ts";
import { dnsLimits } from "./dns-limits.ts";
import { doctorLimits } from "./doctor-limits.ts";
import { doorLimits } from "./door-limits.ts";
import { httpLimits } from "./http-limits.ts";
import { http2BackendLimits } from "./http2-backend-limits.ts";
import { http2Limits } from "./http2-limits.ts";
import { processLimits } from "./process-limits.ts";
import { rulesLimits } from "./rules-limits.ts";

/** Every number in the program as it comes; each file has those of one matter. */
const defaults = {
  ...doorLimits,
  ...httpLimits,
  ...http2Limits,
  ...http2BackendLimits,
  ...authLimits,
  ...compressLimits,
  ...rulesLimits,
  ...balanceLimits,
  ...processLimits,
  ...certificateLimits,
  ...acmeLimits,
  ...alertLimits,
  ...dashboardLimits,
  ...dnsLimits,
  ...doctorLimits,
  ...configLimits,
} as const;

/** `16` is a number like any other once it may be changed. */
type Widened<Value> = Value extends number ? number : Value;

/** Every number in the program, as it is in force. */
export const limits: {
  readonly [Name in keyof typeof defaults]: Widened<(typeof defaults)[Name]>;
} = {
  ...defaults,
};

/**
 * Puts other numbers in force, and those that are not named back to what they are by default. To be called
 * before a process begins its work: what has been read is not read again.
 */
export function changeLimits(
  changes: Readonly<Partial<Record<keyof typeof defaults, number | undefined>>>,
): void {
  const written = Object.entries(changes).filter(([, value]) => value !== undefined);
  Object.assign(limits, defaults, Object.fromEntries(written));
}
