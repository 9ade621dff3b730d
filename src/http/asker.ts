import type { FarEnd } from "../backend/far-end.ts";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Backend } from "../config/destination.ts";
import type { AnswerListener } from "./answer-reader.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import type { OwnAnswer } from "./refuse.ts";

/** Whose request it is, for what is chosen by that. */
export interface Whose {
  /** For the log. */
  readonly host: string;
  /** The address of who asks, behind proxies that are trusted. */
  readonly clientAddress: string;
  /** The connection that the request came by; `undefined` when it is one of our own. */
  readonly ends: ConnectionEnds | undefined;
  /** Does the request say that its body is messages (gRPC)? */
  readonly sendsMessages: boolean;
  /** The value of a cookie of the request. */
  cookieNamed(name: string): string | undefined;
}

/**
 * The client's side of an exchange. The last call of each exchange is one of `answerEnded`,
 * `answerSwitched`, `answerFailed` and `answerBroken`.
 */
export interface Asker extends AnswerListener {
  /** The head of the request, as this backend shall get it. */
  requestHeadFor(backend: Backend): string;
  /** The backend takes more of the request body. */
  bodyWanted(): void;
  /** All of one read has been told. `false`: tell no more until `Exchange.resumeAnswer`. */
  answerFlushed(): boolean;
  answerEnded(trailers: Fields | undefined): void;
  /** The backend speaks WebSocket; the asker owns what leads to it from here on. */
  answerSwitched(head: ResponseHead, named: readonly string[], end: FarEnd, rest: Buffer): void;
  /** There will be no answer, and none has begun. */
  answerFailed(answer: OwnAnswer, why: string): void;
  /** The answer has begun and cannot be finished. */
  answerBroken(why: string): void;
}
