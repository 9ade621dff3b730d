/** One request to a CA, whole. */
export interface AcmeRequest {
  readonly method: "GET" | "HEAD" | "POST";
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** One answer of a CA, whole. */
export interface AcmeAnswer {
  readonly status: number;
  /** Lower-case names; several fields of one name are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * How requests reach a CA: over HTTPS, or in process to the internal authority. Every answer
 * resolves, whatever its status; only what never got an answer rejects.
 */
export interface AcmeTransport {
  /** @throws {LatchkeyError} `ACME_UNREACHABLE` when no whole answer came in time. */
  request(request: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer>;
}
