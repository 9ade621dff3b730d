import type { AcmeDirectory } from "../acme/client.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import { LatchkeyError } from "../base/errors.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { Log } from "../base/log.ts";
import type { Issuer } from "../config/config.ts";

/** The profile under which public CAs certify addresses (Let's Encrypt's documentation of its profiles). */
const FOR_ADDRESSES = "shortlived";

/** Is the profile that is written for the issuer none of those that the CA has? A CA without any lacks none. */
export function lacksProfile(
  { profiles }: Pick<AcmeDirectory, "profiles">,
  issuer: Issuer,
): boolean {
  const wanted = issuer.kind === "acme" ? issuer.profile : undefined;
  const hasSome = Object.keys(profiles).length > 0;
  return wanted !== undefined && hasSome && !Object.hasOwn(profiles, wanted);
}

/**
 * The profile to order under (draft-ietf-acme-profiles §4: one that is not advertised should not be
 * asked for). One that is written is required of a CA that has profiles; a CA without any has nothing to
 * choose from, and certifies as it does. Unwritten it is the CA's own choice, but for addresses.
 *
 * @throws {LatchkeyError} `ACME_PROFILE_UNKNOWN`, before anything is asked of the CA.
 */
export function profileFor(
  { profiles }: Pick<AcmeDirectory, "profiles">,
  host: CertificateName,
  issuer: Issuer,
  log: Log,
): string | undefined {
  const wanted = issuer.kind === "acme" ? issuer.profile : undefined;
  if (wanted === undefined) {
    const isOffered = isIpAddress(host) && Object.hasOwn(profiles, FOR_ADDRESSES);
    return isOffered ? FOR_ADDRESSES : undefined;
  }
  if (lacksProfile({ profiles }, issuer)) {
    const offered = Object.keys(profiles).slice(0, 10).join(", ");
    throw new LatchkeyError(
      "ACME_PROFILE_UNKNOWN",
      `Cannot order a certificate for ${host}: the CA has no profile "${wanted}", it has ${offered}`,
      { host },
    );
  }
  if (Object.hasOwn(profiles, wanted)) return wanted;
  log.warn("order.without-profile", { host, profile: wanted });
  return undefined;
}
