/** Every foreseen failure of the program, by the stable code that logs, answers and tests name. */
export type ErrorCode =
  /** The configuration file has faults; `faults` of the error lists them all. */
  | "CONFIG_INVALID"
  /** No configuration file where one was looked for. */
  | "CONFIG_MISSING"
  /** The command line is wrong. */
  | "USAGE"
  /** The file of the access log cannot be written into. */
  | "ACCESS_LOG_UNUSABLE"
  /** The system lets a process open too few files and sockets to serve anybody. */
  | "DESCRIPTORS_TOO_FEW"
  /** A listening socket could not be had. */
  | "LISTEN_FAILED"
  /** A process of ours did not answer in time, or is gone. */
  | "PROCESS_UNREACHABLE"
  /** The storage folder cannot be used at all (owner, type, format). */
  | "STORAGE_UNUSABLE"
  /** A read or write in storage failed (disk full, read-only, I/O error). */
  | "STORAGE_FAILED"
  /** Something in storage, or given by hand, is not what it should be. */
  | "STORAGE_CORRUPT"
  /** Another program holds the lease on this storage. */
  | "STORAGE_LOCKED"
  /** A backup cannot be opened: a wrong passphrase, not whole, or no backup at all. */
  | "BACKUP_UNREADABLE"
  /** There is no passphrase for a backup: its variable is not set, its file cannot be read, or nobody can be asked. */
  | "PASSPHRASE_UNUSABLE"
  /** Policy says that this name gets no certificate. */
  | "HOST_REFUSED"
  /** A certificate is not what was asked for: name, key, dates or chain. */
  | "CERTIFICATE_INVALID"
  /** A certificate of a CA is right, but by this machine's clock its life has not begun. */
  | "CERTIFICATE_NOT_YET_VALID"
  | "KEY_REVOKED"
  /** The CA answered with an error document (RFC 7807); see `AcmeProblem`. */
  | "ACME_PROBLEM"
  /** The CA could not be reached, was too slow, or is not trusted: nothing was asked of it. */
  | "ACME_UNREACHABLE"
  /** The CA answered something that RFC 8555 does not allow. */
  | "ACME_PROTOCOL"
  /** The CA makes no account without a key of its website (RFC 8555 §7.3.4), and none is configured. */
  | "ACME_ACCOUNT_BINDING"
  /** The CA asked us to hold back, and that time is not over: nothing was asked of it. */
  | "ACME_PAUSED"
  /** We keep to what the CA allows, and it is used up for now: nothing was asked of it. */
  | "BUDGET_SPENT"
  /** The CA has profiles, and not the one that is configured. */
  | "ACME_PROFILE_UNKNOWN"
  /** The CA takes no revocations. */
  | "ACME_REVOCATION_UNKNOWN"
  /** DNS has no address for the name: no CA finds it, and none was told. */
  | "NAME_NOT_FOUND"
  /** Where the name leads, something else answers than our challenge: a CA finds that too, and none was told. */
  | "CHALLENGE_UNANSWERED"
  /** The CA looked at the challenges and said no. */
  | "ACME_CHALLENGE_FAILED"
  | "ACME_CHALLENGE_UNKNOWN"
  /** The CA takes its time with an order: we stopped looking, and go on with it at the next attempt. */
  | "ACME_UNFINISHED"
  /** A DNS record could not be put in place, or the servers of its zone do not show it. */
  | "DNS_FAILED"
  /** The admin socket cannot be reached: nothing is running on this storage. */
  | "NOT_RUNNING"
  /** A client's TLS handshake was not finished: it left, was too slow, or there is no common ground. */
  | "HANDSHAKE_FAILED"
  /** A backend could not be connected to in time. */
  | "BACKEND_UNREACHABLE"
  /** A deadline passed. */
  | "TIMED_OUT";

/** Facts that go with an error into the log; never a key, token or key authorization. */
export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * A foreseen failure: `code` for machines, `message` for people (`Cannot <action>: <why>`),
 * `cause` for the chain. A wrong argument from our own code is a plain `TypeError` instead.
 */
export class LatchkeyError extends Error {
  override readonly name: string = "LatchkeyError";
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, message: string, facts: Facts = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.facts = facts;
  }
}

/** Ends a switch over a union: the compiler fails here when a case is missing. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle a case nobody wrote: ${JSON.stringify(value)}`);
}

/** The message of whatever was thrown, for a log line or a wrapped message. */
export function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  // Every address of a name failed, each in its way: Node's own message is empty.
  if (thrown instanceof AggregateError && thrown.message === "") {
    return [...new Set(thrown.errors.map(messageOf))].join("; ");
  }
  return thrown.message;
}

/** The `code` of whatever was thrown (`ENOENT`, `HOST_REFUSED` …), or `undefined`. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
