import type { AcmeClient } from "../acme/client.ts";
import { AcmeProblem } from "../acme/problem.ts";

const UNKNOWN = "urn:ietf:params:acme:error:accountDoesNotExist";
const UNAUTHORIZED = "urn:ietf:params:acme:error:unauthorized";
const MALFORMED = "urn:ietf:params:acme:error:malformed";

/** Does the CA say that it knows no such account? */
export function isAccountUnknown(error: unknown): boolean {
  return error instanceof AcmeProblem && error.type === UNKNOWN;
}

/** Asked about an account itself: does the CA say that there is none, or that it is closed? */
export function isAccountRefused(error: unknown): boolean {
  return error instanceof AcmeProblem && (error.type === UNKNOWN || error.type === UNAUTHORIZED);
}

/**
 * Is the account that an order failed with (`error`) of no use any more? CAs say `unauthorized` of one that
 * is deactivated (RFC 8555 §7.3.6), `malformed` of a signature by a key that counts no more, as a backup brings
 * it back, and both of much else: then the CA is asked about the account itself. Never rejects; while the CA
 * does not say, the account is kept.
 */
export async function isAccountLost(
  client: Pick<AcmeClient, "accountStatus" | "createAccount">,
  error: unknown,
  signal: AbortSignal,
): Promise<boolean> {
  if (isAccountUnknown(error)) return true;
  // What a validator found says nothing of the account.
  if (!(error instanceof AcmeProblem) || error.challenge !== undefined) return false;
  try {
    if (error.type === UNAUTHORIZED) return (await client.accountStatus(signal)) !== "valid";
    if (error.type === MALFORMED) await client.createAccount({ onlyReturnExisting: true }, signal);
    return false;
  } catch (answer) {
    return isAccountRefused(answer);
  }
}
