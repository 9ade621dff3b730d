import type { CertificateName } from "../base/certificate-name.ts";
import { unreachable } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import type { OrderedNow } from "./ensure.ts";
import type { Holding } from "./records.ts";
import { type RevocationReason, type RevocationSteps, readReason, revoke } from "./revocation.ts";

/** What an operator can ask for by hand. */
export type OperatorRequest =
  /** A new certificate, however good the one in use is. */
  | { readonly action: "renew" }
  /** The attempt that is waited for, now. */
  | { readonly action: "retry" }
  /** A new certificate, and the CA's word that the one in use is no longer valid (RFC 8555 §7.6). */
  | { readonly action: "revoke"; readonly reason: RevocationReason };

/** `undefined` for a reason that is none. */
export function readOperatorRequest(
  action: OperatorRequest["action"],
  reason: string,
): OperatorRequest | undefined {
  if (action !== "revoke") return { action };
  const known = readReason(reason);
  return known && { action, reason: known };
}

/** How it went, with a sentence for the operator. */
export interface OperatorOutcome {
  /** `done`: as asked, or there was nothing to do. `unknown`: no such host. `refused`: not ours to do. */
  readonly kind: "done" | "failed" | "refused" | "unknown";
  readonly detail: string;
}

/** What the operator's requests need from their surroundings. */
export interface OperatorSteps {
  /** Is there an entry whose certificate is made out to this name? */
  isKnown(name: CertificateName): boolean;
  /** See {@link CertificateKeeper.orderNow}. */
  orderNow(name: CertificateName): Promise<OrderedNow>;
  holding(name: CertificateName): Holding | undefined;
  /** Do clients see its certificate? Not that of a host which is `certificateOnly`. */
  isServed(name: CertificateName): boolean;
  /** Everything that is for a revocation alone. */
  readonly revocation: RevocationSteps;
}

/** Does what an operator asks for one name, and says how it went. Never rejects. */
export async function obey(
  steps: OperatorSteps,
  name: CertificateName,
  request: OperatorRequest,
): Promise<OperatorOutcome> {
  if (!steps.isKnown(name)) {
    return { kind: "unknown", detail: `no host of the configuration is certified as "${name}"` };
  }
  switch (request.action) {
    case "renew":
      return await renew(steps, name);
    case "retry":
      return await retry(steps, name);
    case "revoke":
      return await revoke(steps.revocation, name, request.reason, async () => {
        const { kind, detail } = await renew(steps, name);
        return { isReplaced: kind === "done", detail };
      });
    default:
      return unreachable(request);
  }
}

async function renew(steps: OperatorSteps, name: CertificateName): Promise<OperatorOutcome> {
  const ordered = await steps.orderNow(name);
  switch (ordered.kind) {
    case "issued":
      return {
        kind: "done",
        detail: newCertificate(ordered.holding, steps.isServed(name)),
      };
    case "failed":
      return { kind: "failed", detail: failureOf(ordered.holding) };
    case "refused":
      return { kind: "refused", detail: ordered.why };
    default:
      return unreachable(ordered);
  }
}

/** A name that is well has nothing to try again; one whose attempt is put off is not. */
async function retry(steps: OperatorSteps, name: CertificateName): Promise<OperatorOutcome> {
  const holding = steps.holding(name);
  const { certificate, lastError, waiting } = holding ?? {};
  const isWell = certificate !== undefined && lastError === undefined && waiting === undefined;
  if (holding === undefined || !isWell) return await renew(steps, name);
  return { kind: "done", detail: `nothing to try again: ${inUse(holding)}` };
}

function newCertificate(holding: Holding, isServed: boolean): string {
  const { certificate } = holding;
  const saved =
    certificate?.unsaved === undefined ? "" : ", in memory only: storage cannot be written";
  const isSeen = !isServed || certificate?.serial === holding.servedSerial;
  const served = isSeen ? "" : ", and what is served could not be seen";
  return `${inUse(holding)}${saved}${served}`;
}

function inUse({ certificate }: Holding): string {
  if (certificate === undefined) return "no certificate is in use";
  const until = formatTime(certificate.notAfter);
  return `${certificate.serial} is in use until ${until}`;
}

/** What put the attempt off, if anything did, else its failure: what happened before says nothing of this one. */
function failureOf({ lastError, waiting = lastError, nextAttemptAt }: Holding): string {
  if (waiting === undefined) return "the attempt was ended";
  const next = nextAttemptAt === undefined ? "" : `; next attempt ${formatTime(nextAttemptAt)}`;
  return `${waiting.type}: ${waiting.detail} (${waiting.hint})${next}`;
}
