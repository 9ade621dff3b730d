/** Something that a person should know of, for as long as it lasts. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** The name it is about; `undefined`: the whole program. */
  readonly host: string | undefined;
  readonly severity: Severity;
  /** One sentence. */
  readonly message: string;
  /** The cause, verbatim. */
  readonly detail: string;
  /** What a person can do. */
  readonly hint: string;
  /** Milliseconds since the epoch; `undefined` when nothing is tried by itself, or it is not known when. */
  readonly nextAttemptAt: number | undefined;
}

/** The event of an alert. */
export const TROUBLE_KINDS = [
  /** A certificate is served, and cannot be renewed. */
  "renewal.failing",
  /** A listed host has no certificate, and cannot get one. */
  "issuance.failing",
  /** Little of a certificate's life is left, or nothing. */
  "certificate.expiring",
  /** Clients get another certificate than the one that is stored. */
  "certificate.mismatch",
  /** Clients get no certificate, although one is stored. */
  "certificate.unserved",
  /** The files given by hand for a host cannot be used, or clients turn down what they hold. */
  "certificate.unusable",
  /** A CA cannot be told that a certificate is revoked. */
  "revocation.failing",
  /** Another issuer than the first stands in for it. */
  "issuer.switched",
  "storage.unwritable",
  /** What was stored of certificates in use is gone. */
  "storage.deleted",
  /** Another program has taken the storage over. */
  "storage.lease-lost",
  /** The service that decides who gets a certificate on demand does not answer. */
  "on-demand.ask-failing",
  /** Another program has a port for plain HTTP that is ours by the configuration. */
  "listen.failed",
  /** The configuration on disk was rejected by a reload: what is in force is another one. */
  "config.rejected",
  /** Processes of ours end unasked, again and again. */
  "process.failing",
  /** Workers close new connections at once, for too little of something. */
  "overload.refusing",
  /** The file of the access log takes no lines. */
  "log.failing",
  /** The command that is to be run after each swap fails. */
  "command.failing",
] as const;

export type TroubleKind = (typeof TROUBLE_KINDS)[number];

/** `critical`: clients are, or soon will be, turned away. */
export type Severity = "warning" | "critical";

/** What tells one trouble from another, in logs, files and alerts: `renewal.failing store.shop.example`. */
export function keyOf({ kind, host }: Pick<Trouble, "kind" | "host">): string {
  return host === undefined ? kind : `${kind} ${host}`;
}

/** What {@link keyOf} made it of; `undefined` for what it never made. */
export function readKey(key: string): Pick<Trouble, "kind" | "host"> | undefined {
  const [word, host] = key.split(" ", 2);
  const kind = TROUBLE_KINDS.find((known) => known === word);
  return kind && { kind, host };
}
