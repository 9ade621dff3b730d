import { STATUS_CODES } from "../base/node-http.ts";

/** An answer that we give ourselves. */
export interface OwnAnswer {
  readonly status: number;
  /** Field lines besides Date, Content-Length and Connection, each with its CRLF. */
  readonly lines: string;
  /** Text, or the very bytes. */
  readonly body: string | Buffer;
  /** Says the body no more than the status? Then a page of the configuration may take its place. */
  readonly isPlain?: boolean;
}

/** RFC 9110 §15.5.6 wants the methods named; which of them a backend knows is its business. */
const ALLOW = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

/** The answer for a request that is not forwarded, or not answered: it names no internals. */
export function refusal(status: number): OwnAnswer {
  return {
    status,
    lines: `Content-Type: text/plain; charset=utf-8\r\n${status === 405 ? ALLOW : ""}`,
    body: `${status} ${STATUS_CODES[status] ?? "Refused"}\n`,
    isPlain: true,
  };
}

/** The answer while there is no backend to be had; a client may come again after so many seconds. */
export function unavailable(retryAfterSeconds: number): OwnAnswer {
  return refusalWith(503, `Retry-After: ${retryAfterSeconds}\r\n`);
}

/** The same as {@link refusal} with more field lines, each with its CRLF. */
export function refusalWith(status: number, more: string): OwnAnswer {
  const own = refusal(status);
  return { ...own, lines: own.lines + more };
}

/** How an answer of ours goes out. */
export interface Delivery {
  /** Is the body left out, as the answer to HEAD has none? */
  readonly isHead: boolean;
  /** Value of Connection, or nothing. */
  readonly connection: "close" | "keep-alive" | undefined;
  /** Milliseconds since the epoch, for Date (RFC 9110 §6.6.1). */
  readonly now: number;
}

/** The field line that dates an answer (RFC 9110 §6.6.1); `now` in milliseconds since the epoch. */
export function dateLine(now: number): string {
  return `Date: ${new Date(now).toUTCString()}\r\n`;
}

/** The content of an answer of ours. */
export function bodyOf({ body }: OwnAnswer): Buffer {
  return typeof body === "string" ? Buffer.from(body, "utf8") : body;
}

/** The bytes of an answer of ours, in latin1. */
export function writeOwnAnswer(answer: OwnAnswer, delivery: Delivery): string {
  const body = bodyOf(answer).toString("latin1");
  // RFC 9110 §8.6: no Content-Length with 204 and 1xx.
  const length = answer.status === 204 ? "" : `Content-Length: ${body.length}\r\n`;
  const hasBody = !delivery.isHead && answer.status !== 204 && answer.status !== 304;
  return (
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n` +
    dateLine(delivery.now) +
    answer.lines +
    length +
    (delivery.connection === undefined ? "" : `Connection: ${delivery.connection}\r\n`) +
    `\r\n${hasBody ? body : ""}`
  );
}
