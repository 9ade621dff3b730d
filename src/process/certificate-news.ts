import type { CertificateName } from "../base/certificate-name.ts";
import type { UriHost } from "../base/uri-host.ts";

/** What a worker learns about the certificate of a name. */
export type CertificateOutcome =
  /** It is in storage: read it there. */
  | { readonly kind: "stored" }
  /** It is not in storage (it could not be saved): here it is. */
  | { readonly kind: "held"; readonly credential: HeldCredential }
  /** Policy says no: alert 112, as for a name we do not know. */
  | { readonly kind: "refused" }
  /** Nobody looked: this client has brought too many new names. Alert 112, for this client alone. */
  | { readonly kind: "spent" }
  /** Wanted, but not to be had now (back-off, failure, deadline): alert 80. */
  | { readonly kind: "unavailable" };

/** A challenge that workers answer until it is disarmed. */
export type ArmedChallenge =
  | {
      readonly id: number;
      readonly type: "http-01";
      readonly host: UriHost;
      readonly token: string;
      readonly keyAuthorization: string;
    }
  | {
      readonly id: number;
      readonly type: "tls-alpn-01";
      readonly host: UriHost;
      /** PEM of the self-signed certificate of RFC 8737 §3, and its key. */
      readonly chain: string;
      readonly key: string;
    };

/** PEM. */
export interface CredentialFiles {
  readonly chain: string;
  readonly key: string;
}

/** A credential on its way between processes. */
export interface HeldCredential extends CredentialFiles {
  readonly host: CertificateName;
  /** See {@link IssuanceNews}. */
  readonly issuance: number;
}

/** A certificate that lives in memory only, and where it comes from. */
export interface UnsavedCertificate extends CredentialFiles {
  readonly host: CertificateName;
  /** URL of the directory that issued it. */
  readonly issuer: string;
}

/** What the manager says of the certificate that a name has now. */
export interface IssuanceNews {
  readonly host: CertificateName;
  /** Grows with every certificate that a name gets, also from one manager to the next: a lower one is of before. */
  readonly issuance: number;
  /** The certificate itself; `undefined`: it is in storage. */
  readonly held: CredentialFiles | undefined;
}
