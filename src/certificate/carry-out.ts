import { parseCertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import type { HostEvent, WatchedLog } from "../base/watched-log.ts";
import type { CertificateFloor } from "./floor.ts";
import { type OperatorOutcome, readOperatorRequest } from "./operator.ts";
import { unknownReason } from "./revocation.ts";

/** What an operator wrote. */
interface Written {
  readonly host: string;
  readonly action: "renew" | "retry" | "revoke";
  /** Why a certificate is revoked. */
  readonly reason?: string | undefined;
}

/** How it ended, and what is known of the host then; `unknown`: it is no host, or no reason. */
interface CarriedOut {
  readonly outcome: OperatorOutcome["kind"];
  readonly detail: string;
  readonly host: CertificateRecord | null;
}

/** An operator's word about one host, as it was written; told as it is carried out. Never rejects. */
export async function carryOut(
  floor: CertificateFloor,
  log: WatchedLog,
  { host, action, reason = "unspecified" }: Written,
  tell: (happened: HostEvent) => void,
): Promise<CarriedOut> {
  const name = parseCertificateName(host.toLowerCase().replace(/\.$/, ""));
  const request = readOperatorRequest(action, reason);
  if (name === undefined || request === undefined) {
    const detail = name === undefined ? `"${host}" is no host` : unknownReason(reason);
    return { outcome: "unknown", detail, host: null };
  }
  const unwatch = log.watch(name, tell);
  try {
    const { kind, detail } = await floor.obey(name, request);
    const record = floor.list().find((each) => each.host === name) ?? null;
    return { outcome: kind, detail, host: record };
  } finally {
    unwatch();
  }
}
