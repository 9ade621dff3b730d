import type { FarEnd } from "../backend/far-end.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import type { Resend } from "./resend.ts";

/**
 * Carries one request after the other to a backend, and tells its {@link CourierUser} what becomes of
 * it; the answer itself goes to the `AnswerListener` it was made with. Owns the connection that it was
 * begun with, or its share of it, until its user has heard of an end, or has aborted it.
 */
export interface Courier {
  /** Has the final head of the answer been read? */
  readonly hasBegun: boolean;
  /** The code of HTTP/2 (RFC 9113 §7) that the backend took back its side of the last request with, if it did. */
  readonly resetCode: number | undefined;
  /** May body bytes be given to {@link sendBody} now? */
  readonly takesBody: boolean;
  /**
   * Adds body content, and never none: an empty chunk would be the end of the body. Bytes that are `lent` are
   * copied, as they change after this call.
   */
  sendBody(bytes: Buffer, start: number, end: number, isLent: boolean): void;
  /** The request is complete; `trailers` are lines, or nothing. */
  endBody(trailers: string): void;
  /** Writes what was given. `false`: give no more until `courierDrained`. */
  flush(): boolean;
  /** Reads on after `answerRead` returned `false`. */
  resume(): void;
  /** Breaks off. Its user hears nothing any more. */
  abort(): void;
}

/** Hears what becomes of a request. The last call is one of the last four. */
export interface CourierUser {
  /** The backend takes more of the request. */
  courierDrained(): void;
  /** All of one read has been told. `false`: tell no more until {@link Courier.resume}. */
  answerRead(): boolean;
  answerDone(trailers: Fields | undefined): void;
  /** The backend speaks WebSocket; the user owns what leads to it from here on. */
  answerSwitched(head: ResponseHead, named: readonly string[], end: FarEnd, rest: Buffer): void;
  /** The answer makes no sense. */
  answerMalformed(why: string): void;
  /** The backend went away before its answer had ended; with 504, without a word. */
  answerLost(why: string, resend: Resend, status?: 502 | 504): void;
}
