import type { CertificateName } from "../base/certificate-name.ts";
import { messageOf } from "../base/errors.ts";
import type { UntoldRevocation } from "../storage/revoked-keys.ts";
import type { UntoldRevocations } from "./untold-revocations.ts";

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
  /** From now on the key does not come back, nor, after a `keyCompromise`, any other that lies beside it. Never rejects. */
  distrust(
    name: CertificateName,
    revoked: CertificateInUse,
    reason: RevocationReason,
  ): Promise<void>;
  /** What CAs have not confirmed. */
  readonly untold: Pick<UntoldRevocations, "of" | "tell" | "isTriedAgain">;
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
 * the old certificate is revoked also when there is none, for that is what was asked. Revocations of replaced
 * certificates whose CA was out of reach are finished by the way. Where one of them had the same reason, that is what
 * is asked again, and the certificate in use is left alone; for another reason, it is revoked like any other.
 */
export async function revoke(
  steps: RevocationSteps,
  name: CertificateName,
  reason: RevocationReason,
  replace: () => Promise<Replacement>,
): Promise<RevocationOutcome> {
  let inUse: CertificateInUse | undefined;
  try {
    inUse = await steps.inUse(name);
  } catch (error) {
    return { kind: "failed", detail: `storage cannot be read: ${messageOf(error)}` };
  }
  const unfinished = steps.untold.of(name).filter(({ serial }) => serial !== inUse?.serial);
  // After a keyCompromise every key of then is distrusted: what is in use has come since, and is not the leaked one.
  const isRepeated = unfinished.some((each) => each.reason === reason);
  if (isRepeated) return both(await finish(steps, name, unfinished), untouched(inUse));
  const revoked =
    inUse === undefined
      ? ({ kind: "refused", detail: `storage holds no certificate of "${name}"` } as const)
      : await revokeInUse(steps, name, inUse, reason, replace);
  return unfinished.length === 0 ? revoked : both(revoked, await finish(steps, name, unfinished));
}

async function revokeInUse(
  steps: RevocationSteps,
  name: CertificateName,
  revoked: CertificateInUse,
  reason: RevocationReason,
  replace: () => Promise<Replacement>,
): Promise<RevocationOutcome> {
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

function untouched(inUse: CertificateInUse | undefined): RevocationOutcome {
  const detail =
    inUse === undefined
      ? "no certificate is in use"
      : `the one in use, ${inUse.serial}, is not touched (another reason would revoke it too)`;
  return { kind: "done", detail };
}

async function finish(
  steps: RevocationSteps,
  name: CertificateName,
  unfinished: readonly UntoldRevocation[],
): Promise<RevocationOutcome> {
  let kind: RevocationOutcome["kind"] = "done";
  const details: string[] = [];
  for (const untold of unfinished) {
    const failure = await tell(steps, name, untold);
    if (failure !== undefined) kind = "failed";
    details.push(failure ?? `${untold.serial}, which had been replaced before, is revoked`);
  }
  return { kind, detail: details.join("; ") };
}

/** One after the other; what the first did not do is told first. */
function both(one: RevocationOutcome, other: RevocationOutcome): RevocationOutcome {
  const { kind } = one.kind === "done" ? other : one;
  return { kind, detail: `${one.detail}; ${other.detail}` };
}

/** Why it is not revoked; `undefined` when it is. */
async function tell(
  steps: RevocationSteps,
  name: CertificateName,
  untold: UntoldRevocation,
): Promise<string | undefined> {
  try {
    await steps.untold.tell(name, untold);
    return undefined;
  } catch (error) {
    const again = steps.untold.isTriedAgain(untold)
      ? " (it is tried again until the CA agrees)"
      : "";
    return `${untold.serial} is not revoked: ${messageOf(error)}${again}`;
  }
}
