import type { FarEnd } from "../backend/far-end.ts";
import type { RequestCounts } from "../base/counts.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { PathRoute } from "../config/destination.ts";
import type { Admitted } from "./admit.ts";
import type { TunnelStatus } from "./answer.ts";
import type { AnswerEdits } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import type { Exchange } from "./exchange.ts";
import type { Fault } from "./fields.ts";
import type { Sender } from "./forwarded.ts";
import type { ResponseHead } from "./head.ts";
import type { HeadEdits } from "./policy.ts";
import type { OwnAnswer } from "./refuse.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";

/** Hears how a visit ends: exactly one of the first three, the last thing that the visit does. */
export interface VisitOwner {
  /** The answer is complete. `closes`: the client was told that the connection ends with it. */
  visitEnded(closes: boolean): void;
  /** The answer cannot be completed; the connection must not look as if it were. `resetCode`: of HTTP/2, by the backend. */
  visitBroken(resetCode?: number): void;
  /** The client speaks WebSocket now; the owner owns what leads to the backend. */
  visitSwitched(switched: Switched): void;
  /** Not an end: the backend takes more or less than before, and so should we from the client. */
  regulateReading(): void;
}

/** What a visit leaves behind that has become a tunnel. */
export interface Switched {
  /** The way to the backend. */
  readonly end: FarEnd;
  /** What the backend said behind the head of its answer. */
  readonly rest: Buffer;
  /** How long both sides may be silent. */
  readonly idleMs: number;
  /** To be called once, when the tunnel is over. */
  readonly ended: TunnelEnded;
}

/** Hears how many bytes the client has sent, and was sent, and why the tunnel did not end well, in our words. */
export type TunnelEnded = (bytesIn: number, bytesOut: number, why: string | undefined) => void;

/** The parts of a connection, or of a stream of one, that a visit works with. */
export interface VisitTools {
  readonly body: BodySource;
  readonly writer: AnswerWriter;
  readonly host: UriHost;
  readonly action: HttpAction;
  readonly sender: Sender;
  readonly counts: RequestCounts;
  readonly around: Surroundings;
}

/** The body of a request on its way from the client. */
export interface BodySource {
  /** Has all of it been read? */
  readonly isDone: boolean;
  /** Bytes of content so far. */
  readonly received: number;
  /** May fields come behind it that a backend should hear of? */
  readonly mayHaveTrailers: boolean;
  /** When the client is too slow; never, while it is we who take nothing. */
  readonly deadline: number;
  /** Starts on the body of `request`, for a backend of `route` if it has one. */
  begin(request: Admitted, route: PathRoute | undefined): void;
  /** Gives what has come to the exchange, as much as that takes. `edits` hold for trailers, too. */
  pump(exchange: Exchange, edits: HeadEdits | undefined): Fault | undefined;
}

/** The answer on its way to the client. What is said goes out with {@link AnswerWriter.flush} at the latest. */
export interface AnswerWriter {
  /** What tells the client that there is a tunnel. */
  readonly tunnelStatus: TunnelStatus;
  /** The status of the final answer; 0 before it. */
  readonly status: number;
  /** Bytes of content given to the client. */
  readonly bytesOut: number;
  /** Starts on another answer. */
  begin(): void;
  /** Forgets an answer of which the client has seen nothing; `false`: it has. */
  takeBack(): boolean;
  /** A 1xx answer. */
  interim(request: Admitted, head: ResponseHead, named: readonly string[]): void;
  /**
   * The head of a final answer. `closes`: the connection is closed after it. `now`: when it came, for
   * an answer without a date (RFC 9110 §6.6.1).
   */
  head(
    request: Admitted,
    head: ResponseHead,
    answer: FinalAnswer,
    closes: boolean,
    now: number,
    edits: AnswerEdits | undefined,
  ): void;
  /** The head of the answer that makes a tunnel. */
  switched(head: ResponseHead, named: readonly string[], edits: AnswerEdits | undefined): void;
  /** A piece of content; the bytes are copied. */
  content(bytes: Buffer, start: number, end: number): void;
  /** The end of the content; `trailers` are lines, or nothing. */
  end(request: Admitted, trailers: string): void;
  /** A whole answer of ours. `request` is unknown when it could not be read. */
  own(answer: OwnAnswer, request: Admitted | undefined, closes: boolean, now: number): void;
  /** Writes what was said. `false`: say no more until the client takes some of it. */
  flush(): boolean;
}
