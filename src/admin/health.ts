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
 * that is still waiting for its first certificates is well.
 */
export function healthOf({ workers, hosts, troubles }: Snapshot): Health {
  const troubled = hosts.filter((host) => isTroubled([host]));
  const isServing =
    workers.some(({ ready, draining }) => ready && !draining) &&
    !hosts.every(({ state }) => state === "failed");
  const isWell = troubled.length === 0 && troubles.length === 0;
  return {
    status: !isServing ? "failing" : isWell ? "ok" : "degraded",
    hosts: troubled.map(({ host, state, notAfter, lastError, nextAttemptAt }) => {
      return { host, state, notAfter, cause: lastError, nextAttemptAt };
    }),
    troubles,
  };
}
