/** The error types of RFC 8555 §6.7, RFC 9773 §5 and the profiles draft that this authority uses. */
export type ProblemType =
  | "accountDoesNotExist"
  | "alreadyReplaced"
  | "badCSR"
  | "badNonce"
  | "badPublicKey"
  | "badSignatureAlgorithm"
  | "connection"
  | "incorrectResponse"
  | "invalidContact"
  | "invalidProfile"
  | "malformed"
  | "orderNotReady"
  | "rejectedIdentifier"
  | "serverInternal"
  | "tls"
  | "unauthorized"
  | "unsupportedIdentifier";

/** A problem document (RFC 7807) as it goes into an answer, an order or a challenge. */
export interface Problem {
  readonly type: `urn:ietf:params:acme:error:${ProblemType}`;
  readonly detail: string;
  readonly status: number;
  readonly [extra: string]: unknown;
}

/** The HTTP status that goes with each type; 400 for all others. */
const STATUS: Partial<Readonly<Record<ProblemType, number>>> = {
  alreadyReplaced: 409,
  orderNotReady: 403,
  serverInternal: 500,
  unauthorized: 403,
};

/** What may stand in an answer besides type and detail. */
export interface RefusalExtras {
  /** Instead of the type's own status (404, 405, 415 …). */
  readonly status?: number;
  /** Further members of the problem document (`algorithms`, `subproblems`). */
  readonly members?: Readonly<Record<string, unknown>>;
  /** Further header fields of the answer, lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/**
 * The authority says no. Thrown anywhere while a request is answered, and turned into a problem
 * document by `server.ts`; it never leaves this folder as an error.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(type: ProblemType, detail: string, extras: RefusalExtras = {}) {
    super(detail, { cause: extras.cause });
    this.problem = { ...problemOf(type, detail, extras.status), ...extras.members };
    this.headers = extras.headers ?? {};
  }
}

/** A problem document of this type, with the type's own status unless one is given. */
export function problemOf(
  type: ProblemType,
  detail: string,
  status = STATUS[type] ?? 400,
): Problem {
  return { type: `urn:ietf:params:acme:error:${type}`, detail, status };
}
