/** What is known of one name: a row of `latchkey certs`. */
export interface CertificateRecord {
  readonly host: string;
  readonly state: CertificateState;
  /** URL of the directory that issued the certificate in use. */
  readonly issuer: string | null;
  readonly serial: string | null;
  /** RFC 3339, UTC, as all times here. */
  readonly notBefore: string | null;
  readonly notAfter: string | null;
  readonly renewAt: string | null;
  readonly renewalInfo: { readonly start: string; readonly end: string } | null;
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
  readonly lastError: LastError | null;
  readonly servedSerial: string | null;
}

/** Where a name is in its life. */
export type CertificateState =
  | "waiting"
  | "issuing"
  | "valid"
  | "renewing"
  | "failing"
  | "failed"
  | "refused"
  | "manual"
  | "pass-through";

/** The last failure, verbatim, with what a person can do. */
export interface LastError {
  /** The CA's type (`urn:ietf:params:acme:error:…`), or our own code. */
  readonly type: string;
  readonly detail: string;
  readonly hint: string;
  readonly at: string;
}
