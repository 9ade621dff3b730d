import type { CertificateName } from "../base/certificate-name.ts";
import { unreachable } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { StoredCertificate } from "../storage/read-certificate.ts";
import type { OrderedNow } from "./ensure.ts";
import type { Holding } from "./records.ts";

/** What an operator can ask for by hand. */
export type OperatorRequest =
  /** A new certificate, however good the one in use is. */
  | { readonly action: "renew" }
  /** The attempt that is waited for, now. */
  | { readonly action: "retry" }
  /** A new certificate, and the CA's word that the one in use is no longer valid (RFC 8555 §7.6). */
  | { readonly action: "revoke"; readonly reason: RevocationReason };

/** RFC 5280 §5.3.1, as far as those whose certificate it is may say it. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

const REASONS: readonly RevocationReason[] = [
  "unspecified",
  "keyCompromise",
  "affiliationChanged",
  "superseded",
  "cessationOfOperation",
];

/** `undefined` for a reason that is none. */
export function readOperatorRequest(
  action: OperatorRequest["action"],
  reason: string,
): OperatorRequest | undefined {
  if (action !== "revoke") return { action };
  const known = REASONS.find((each) => each === reason);
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
  /** What storage holds for the name. */
  load(name: CertificateName): Promise<StoredCertificate | undefined>;
  /** Tells the CA; rejects with its reasons. */
  revoke(chain: string, issuer: string, reason: RevocationReason): Promise<void>;
  /** Lets nothing fall back to this generation any more. */
  setAside(name: CertificateName, generation: number): Promise<void>;
  readonly log: Log;
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
      return await revoke(steps, name, request.reason);
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

/** A name that is well has nothing to try again. */
async function retry(steps: OperatorSteps, name: CertificateName): Promise<OperatorOutcome> {
  const holding = steps.holding(name);
  const isWell = holding?.certificate !== undefined && holding.lastError === undefined;
  if (!isWell) return await renew(steps, name);
  return { kind: "done", detail: `nothing to try again: ${inUse(holding)}` };
}

/**
 * The replacement comes first, so that the site goes on; the old certificate is revoked also when
 * there is none, for that is what was asked.
 */
async function revoke(
  steps: OperatorSteps,
  name: CertificateName,
  reason: RevocationReason,
): Promise<OperatorOutcome> {
  let revoked: StoredCertificate | undefined;
  try {
    revoked = await steps.load(name);
  } catch (error) {
    return { kind: "failed", detail: `storage cannot be read: ${messageIn(error)}` };
  }
  if (revoked === undefined) {
    return { kind: "refused", detail: `storage holds no certificate of "${name}"` };
  }
  const { chain, serial } = revoked.credential;
  const { issuer } = revoked.meta;
  const replacement = await renew(steps, name);
  try {
    await steps.revoke(chain, issuer, reason);
  } catch (error) {
    steps.log.error("certificate.revoke-failed", { host: name, serial, ...failureFacts(error) });
    return { kind: "failed", detail: `${serial} is not revoked: ${messageIn(error)}` };
  }
  steps.log.warn("certificate.revoked", { host: name, serial, issuer, reason });
  if (replacement.kind !== "done") {
    const why = `${serial} is revoked, and still served, since there is no other`;
    return { kind: "failed", detail: `${why}: ${replacement.detail}` };
  }
  return await putAway(steps, name, revoked, replacement);
}

async function putAway(
  steps: OperatorSteps,
  name: CertificateName,
  { generation, credential }: StoredCertificate,
  { detail }: OperatorOutcome,
): Promise<OperatorOutcome> {
  try {
    await steps.setAside(name, generation);
  } catch (error) {
    steps.log.error("storage.failed", { host: name, ...failureFacts(error) });
  }
  return { kind: "done", detail: `${credential.serial} is revoked; ${detail}` };
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

function messageIn(error: unknown): string {
  return String(failureFacts(error)["message"]);
}

/** Why a reason for a revocation is none (RFC 5280 §5.3.1). */
export function unknownReason(reason: string): string {
  return `"${reason}" is no reason, wanted ${Object.keys(REVOCATION_REASONS).join(", ")}`;
}
