import type { CertificateRecord, LastError } from "../base/certificate-record.ts";
import type { Snapshot, TroubleSnapshot } from "./snapshot.ts";
import { isTroubled } from "./snapshot.ts";

/** The answer to `GET /healthz`. */
export interface Health {
  /** `ok`; `degraded`: served, and a person should look; `failing`: nothing is served. */
  readonly status: "ok" | "degraded" | "failing";
  /** Hosts in trouble: the cause as the CA worded it, what to do, the next attempt. */
  readonly hosts: readonly TroubledHost[];
  readonly troubles: readonly TroubleSnapshot[];
}

interface TroubledHost extends Pick<CertificateRecord, "host" | "state" | "notAfter"> {
  readonly cause: LastError | null;
  readonly nextAttemptAt: string | null;
}

/**
 * Nothing is served without a worker, nor when every host failed and has no certificate. A program
 * that is still waiting for its first certificates is well. Another attempt changes nothing of that before its end.
 */
export function healthOf({ workers, hosts, troubles }: Snapshot): Health {
  const troubled = hosts.filter((host) => isTroubled([host]) || isTriedAgain(host));
  const isServing =
    workers.some(({ ready, draining }) => ready && !draining) && !hosts.every(hasFailed);
  const isWell = troubled.length === 0 && troubles.length === 0;
  return {
    status: !isServing ? "failing" : isWell ? "ok" : "degraded",
    hosts: troubled.map(({ host, state, notAfter, lastError, nextAttemptAt }) => {
      return { host, state, notAfter, cause: lastError, nextAttemptAt };
    }),
    troubles,
  };
}

/** Does an attempt run that follows a failed one? */
function isTriedAgain({ state, lastError }: CertificateRecord): boolean {
  return (state === "issuing" || state === "renewing") && lastError !== null;
}

/** Has it no certificate that is still valid, after a failure? */
function hasFailed(host: CertificateRecord): boolean {
  return host.state === "failed" || (host.state === "issuing" && isTriedAgain(host));
}
