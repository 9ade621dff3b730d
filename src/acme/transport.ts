import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request as startRequest } from "node:https";
import type { Socket } from "node:net";
import { createSecureContext, getCACertificates } from "node:tls";
import { withDeadline } from "../base/clock.ts";
import { connectionFailure } from "../base/connection-failure.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { lookupFirst } from "../base/first-addresses.ts";

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
  /**
   * @throws {LatchkeyError} `ACME_UNREACHABLE` when no whole answer came in time; `ACME_PROTOCOL` when
   * it is larger than any answer of a CA; the reason of `signal` when that is what ended it.
   */
  request(request: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer>;
}

/** An {@link AcmeTransport} over the network, which keeps a few connections open between requests. */
export interface HttpsTransport extends AcmeTransport {
  /** Closes the idle connections. Requests under way are not waited for: abort them. */
  close(): void;
}

export interface HttpsTransportOptions {
  /** PEM of one or more roots that are trusted besides the machine's own. */
  readonly trust?: string | undefined;
  /** Name and version of the program: RFC 8555 §6.1 demands the field. */
  readonly userAgent: string;
  /** Look-up, TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** From the start to the head of the answer. */
  readonly headersTimeoutMs: number;
  /** From the start to the last byte of the answer. */
  readonly totalTimeoutMs: number;
  readonly answerMaxBytes: number;
}

/** Shorter than the 5 s after which common servers close an idle connection. */
const IDLE_MS = 4_000;
/** Orders run side by side, but no CA needs to see more connections of one machine than this. */
const CONNECTIONS_MAX = 8;
/** Addresses of each family that one attempt tries: of a CA that is down no more than these hear of it. */
const ADDRESSES_MAX = 2;

/**
 * Speaks HTTPS to CAs: no redirect is followed, no other scheme is spoken, and every phase has its
 * deadline.
 */
export function createHttpsTransport(options: HttpsTransportOptions): HttpsTransport {
  const shared = { ...trusting(options.trust), lookup: lookupFirst(ADDRESSES_MAX) };
  const agents: Agents = {
    kept: new Agent({ ...shared, keepAlive: true, timeout: IDLE_MS, maxSockets: CONNECTIONS_MAX }),
    fresh: new Agent({ ...shared, keepAlive: false }),
  };
  return {
    request: async (request, signal) => {
      signal.throwIfAborted();
      const inTime = withDeadline(signal, options.totalTimeoutMs);
      try {
        return await exchange(agents, options, request, inTime);
      } catch (cause) {
        signal.throwIfAborted();
        if (cause instanceof LatchkeyError) throw cause;
        const late = `no whole answer within ${options.totalTimeoutMs} ms`;
        throw unreached(request.url, inTime.aborted ? new Error(late, { cause }) : cause);
      }
    },
    close: () => agents.kept.destroy(),
  };
}

interface Agents {
  readonly kept: Agent;
  readonly fresh: Agent;
}

/** One context for all connections: reading every root again for each takes 17 ms (measured). */
function trusting(trust: string | undefined) {
  if (trust === undefined) return {};
  const ca = [...getCACertificates("default"), trust];
  return { secureContext: createSecureContext({ ca, allowPartialTrustChain: true }) };
}

async function exchange(
  agents: Agents,
  options: HttpsTransportOptions,
  request: AcmeRequest,
  signal: AbortSignal,
): Promise<AcmeAnswer> {
  if (!request.url.startsWith("https://")) throw new Error("only https is spoken to a CA");
  try {
    return await attempt(agents.kept, options, request, signal);
  } catch (thrown) {
    // The server closed an idle connection just as it was taken up again. Asking twice is safe: the
    // nonce lets only one of the two through (RFC 8555 §6.5).
    if (!(thrown instanceof StaleConnection)) throw thrown;
    return await attempt(agents.fresh, options, request, signal);
  }
}

/** A kept connection turned out to be closed: nothing is known of the CA yet. */
class StaleConnection extends Error {}

function attempt(
  agent: Agent,
  options: HttpsTransportOptions,
  request: AcmeRequest,
  signal: AbortSignal,
): Promise<AcmeAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = startRequest(request.url, {
      agent,
      signal,
      method: request.method,
      headers: { ...request.headers, "user-agent": options.userAgent, "accept-language": "en" },
    });
    watchPhases(outgoing, options);
    let isAnswered = false;
    outgoing.on("response", (incoming) => {
      isAnswered = true;
      readAnswer(incoming, options.answerMaxBytes).then(resolve, reject);
    });
    outgoing.on("error", (cause) => {
      const isStale = outgoing.reusedSocket && !isAnswered && codeOf(cause) === "ECONNRESET";
      reject(isStale ? new StaleConnection(cause.message, { cause }) : cause);
    });
    outgoing.end(request.body);
  });
}

/** Connections whose handshake is done: one that requests wait for is handed on without a word of that. */
const connected = new WeakSet<Socket>();

/** Destroys the request when the connection or the head of the answer takes too long, once it has a connection. */
function watchPhases(outgoing: ClientRequest, options: HttpsTransportOptions): void {
  const { connectTimeoutMs, headersTimeoutMs } = options;
  outgoing.on("socket", (socket) => {
    const destroyAfter = (ms: number, what: string) =>
      setTimeout(() => outgoing.destroy(new Error(`${what} within ${ms} ms`)), ms);
    const heading = destroyAfter(headersTimeoutMs, "no answer");
    outgoing.on("response", () => clearTimeout(heading));
    outgoing.on("close", () => clearTimeout(heading));
    if (connected.has(socket)) return;
    const connecting = destroyAfter(connectTimeoutMs, "no TLS connection");
    outgoing.on("close", () => clearTimeout(connecting));
    socket.once("secureConnect", () => {
      clearTimeout(connecting);
      connected.add(socket);
    });
  });
}

async function readAnswer(incoming: IncomingMessage, maxBytes: number): Promise<AcmeAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    const piece: Buffer = chunk;
    bytes += piece.length;
    // Leaving the loop destroys the connection with what is still to come.
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(piece);
  }
  return {
    status: incoming.statusCode ?? 0,
    headers: headersOf(incoming.rawHeaders),
    body: Buffer.concat(chunks).toString("utf8"),
  };
}

function headersOf(rawHeaders: readonly string[]): Record<string, string> {
  const fields = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = rawHeaders.slice(index, index + 2);
    const before = fields.get(name.toLowerCase());
    fields.set(name.toLowerCase(), before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(fields);
}

/** It was reached, and heard: asking again soon would only bring the same. */
function tooLarge(maxBytes: number): LatchkeyError {
  const why = `it is larger than ${maxBytes} bytes`;
  return new LatchkeyError("ACME_PROTOCOL", `Cannot use the answer of the CA: ${why}`);
}

function unreached(url: string, cause: unknown): LatchkeyError {
  const ca = URL.canParse(url) ? new URL(url).host : url;
  const facts = { ca, reason: codeOf(cause) };
  return new LatchkeyError(
    "ACME_UNREACHABLE",
    `Cannot reach ${ca}: ${connectionFailure(cause).words}`,
    facts,
    {
      cause,
    },
  );
}
