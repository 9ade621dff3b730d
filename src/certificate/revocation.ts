import type { CertificateName } from "../base/certificate-name.ts";
import { messageOf } from "../base/errors.ts";
import type { UntoldRevocation } from "../storage/revoked-keys.ts";

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
export function readReason(text: string): RevocationReason | undefined {
  return REASONS.find((each) => each === text);
}

/** Why a reason for a revocation is none (RFC 5280 §5.3.1). */
export function unknownReason(reason: string): string {
  return `"${reason}" is no reason, wanted ${REASONS.join(", ")}`;
}

/** The certificate of a name that clients see, with its key; PEM. Never logged. */
export interface CertificateInUse {
  readonly chain: string;
  readonly key: string;
  readonly serial: string;
  /** URL of the directory that issued it. */
  readonly issuer: string;
}

/** What a revocation needs from its surroundings. */
export interface RevocationSteps {
  /** Rejects when storage cannot be read. */
  inUse(name: CertificateName): Promise<CertificateInUse | undefined>;
  /** Revocations of the name that its CA has not confirmed, though the certificate has been replaced. */
  unfinished(name: CertificateName): readonly UntoldRevocation[];
  /** From now on the key does not come back, nor, after a `keyCompromise`, any other that lies beside it. Never rejects. */
  distrust(
    name: CertificateName,
    revoked: CertificateInUse,
    reason: RevocationReason,
  ): Promise<void>;
  /** Tells the CA; rejects with its reasons. */
  tell(name: CertificateName, untold: UntoldRevocation): Promise<void>;
  /** Is what was not told tried again without anybody's doing? */
  isTriedAgain(untold: UntoldRevocation): boolean;
  /** Hosts whose certificates are given by hand, with the key of this chain. */
  sharing(chain: string): Promise<readonly string[]>;
}

/** A new certificate instead: is there one, and a sentence for the operator. */
export interface Replacement {
  readonly isReplaced: boolean;
  readonly detail: string;
}

/** How a revocation went, with a sentence for the operator. */
export interface RevocationOutcome {
  readonly kind: "done" | "failed" | "refused";
  readonly detail: string;
}

/**
 * The key is distrusted first, so that no crash brings it back; then comes the replacement, so that the site goes on;
 * the old certificate is revoked also when there is none, for that is what was asked. A revocation that was cut short
 * after the replacement is finished by the next one, which does not touch the certificate in use.
 */
export async function revoke(
  steps: RevocationSteps,
  name: CertificateName,
  reason: RevocationReason,
  replace: () => Promise<Replacement>,
): Promise<RevocationOutcome> {
  const unfinished = steps.unfinished(name);
  if (unfinished.length > 0) return await finish(steps, name, unfinished);
  let revoked: CertificateInUse | undefined;
  try {
    revoked = await steps.inUse(name);
  } catch (error) {
    return { kind: "failed", detail: `storage cannot be read: ${messageOf(error)}` };
  }
  if (revoked === undefined)
    return { kind: "refused", detail: `storage holds no certificate of "${name}"` };
  await steps.distrust(name, revoked, reason);
  const { isReplaced, detail } = await replace();
  const { serial, issuer, chain } = revoked;
  const failure = await tell(steps, name, { serial, issuer, chain, reason });
  if (failure !== undefined) return { kind: "failed", detail: `${failure}; ${detail}` };
  const shared = await steps.sharing(chain);
  const others = shared.length === 0 ? "" : `; the files of ${shared.join(", ")} hold its key too`;
  if (isReplaced) return { kind: "done", detail: `${serial} is revoked; ${detail}${others}` };
  const why = `${serial} is revoked, and still served, since there is no other`;
  return { kind: "failed", detail: `${why}: ${detail}${others}` };
}

async function finish(
  steps: RevocationSteps,
  name: CertificateName,
  unfinished: readonly UntoldRevocation[],
): Promise<RevocationOutcome> {
  const failures: string[] = [];
  for (const untold of unfinished) {
    const failure = await tell(steps, name, untold);
    if (failure !== undefined) failures.push(failure);
  }
  if (failures.length > 0) return { kind: "failed", detail: failures.join("; ") };
  const serials = unfinished.map(({ serial }) => serial).join(", ");
  const detail = `${serials}, which had been replaced before, is revoked; the one in use is not touched`;
  return { kind: "done", detail };
}

/** Why it is not revoked; `undefined` when it is. */
async function tell(
  steps: RevocationSteps,
  name: CertificateName,
  untold: UntoldRevocation,
): Promise<string | undefined> {
  try {
    await steps.tell(name, untold);
    return undefined;
  } catch (error) {
    const again = steps.isTriedAgain(untold) ? " (it is tried again until the CA agrees)" : "";
    return `${untold.serial} is not revoked: ${messageOf(error)}${again}`;
  }
}
