import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import type { PathRoute } from "../config/destination.ts";
import type { Admitted } from "./admit.ts";
import { BodyPace } from "./body-pace.ts";
import type { Exchange } from "./exchange.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import type { BodySource } from "./front.ts";
import { Inbox } from "./inbox.ts";
import type { HeadEdits } from "./policy.ts";
import { requestTrailers } from "./trailers.ts";

/** The body of one HTTP/2 request: its stream gives what comes, the exchange takes it. */
export class H2Body implements BodySource {
  readonly #inbox = new Inbox();
  readonly #deadlines: Deadlines;
  readonly #pace: BodyPace;
  #request: Admitted | undefined;
  #maxBytes = Number.POSITIVE_INFINITY;
  #hasEnded: boolean;
  #trailers: Fields | undefined;
  #isDone = true;
  #received = 0;
  #deadline = NEVER;
  /** How long a stream of messages may be silent; no other body has this. */
  #streamIdleMs: number | undefined;
  #exchange: Exchange | undefined;

  /** `isWhole`: the head was all of the request. */
  constructor(deadlines: Deadlines, isWhole: boolean) {
    this.#deadlines = deadlines;
    this.#pace = new BodyPace(deadlines);
    this.#hasEnded = isWhole;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get received(): number {
    return this.#received;
  }

  get mayHaveTrailers(): boolean {
    return !this.#isDone;
  }

  /** A stream of messages whose answer has begun is its exchange's to watch: either side may be silent then. */
  get deadline(): number {
    const isTwoWay = this.#streamIdleMs !== undefined && this.#exchange?.hasBegun === true;
    return isTwoWay ? NEVER : this.#deadline;
  }

  /** Does something wait here that the exchange has not taken? */
  get isWaiting(): boolean {
    return this.#inbox.size > 0;
  }

  begin(request: Admitted, route: PathRoute | undefined): void {
    this.#request = request;
    this.#maxBytes = route?.maxBodyBytes ?? Number.POSITIVE_INFINITY;
    this.#isDone = isEmpty(request);
    this.#streamIdleMs = isGrpc(request) ? route?.timeouts.idleMs : undefined;
    this.#exchange = undefined;
    this.#deadline = this.#isDone ? NEVER : this.#atPace(this.#pace.begin());
  }

  /** Content; the bytes are the body's from now on. */
  add(piece: Buffer): void {
    this.#inbox.add(piece);
  }

  /** Nothing follows, but maybe trailers. */
  end(trailers: Fields | undefined): void {
    this.#hasEnded = true;
    this.#trailers = trailers;
    this.#deadline = NEVER;
  }

  /** Nobody wants what waits here. */
  clear(): void {
    this.#inbox.clear();
  }

  pump(exchange: Exchange, edits: HeadEdits | undefined): Fault | undefined {
    this.#exchange = exchange;
    if (this.#isDone || !exchange.takesBody) return undefined;
    const { size, bytes, from, to } = this.#inbox;
    this.#received += size;
    if (this.#received > this.#maxBytes) return fault(413, "the body is larger than allowed");
    if (size > 0) {
      exchange.sendBody(bytes, from, to);
      this.#inbox.clear();
      this.#deadline = this.#atPace(this.#pace.received(size));
    }
    return this.#hasEnded ? this.#finish(exchange, edits) : undefined;
  }

  /** We take no more for now. */
  pause(): void {
    this.#pace.pause();
    this.#deadline = NEVER;
  }

  resume(): void {
    this.#deadline = this.#atPace(this.#pace.resume());
  }

  /** When the next byte is due: `paced`, or for messages, which come when there is something to say, after a silence. */
  #atPace(paced: number): number {
    if (this.#hasEnded) return NEVER; // the rest is up to the backend
    return this.#streamIdleMs === undefined ? paced : this.#deadlines.in(this.#streamIdleMs);
  }

  /** RFC 9113 §8.1.1: the body is as long as it says, or the request is malformed. */
  #finish(exchange: Exchange, edits: HeadEdits | undefined): Fault | undefined {
    const request = this.#request;
    if (request?.framing === "length" && request.contentLength !== this.#received)
      return fault(400, "the body is not as long as it says");
    this.#isDone = true;
    exchange.endBody(requestTrailers(this.#trailers, request, edits));
    return undefined;
  }
}

/** Is there no content, as far as the head says? */
function isEmpty({ framing, contentLength }: Admitted): boolean {
  return framing === "none" || (framing === "length" && contentLength === 0);
}

/** Is the body a stream of messages, as long as the client likes (gRPC over HTTP/2, "Requests")? */
function isGrpc({ head: { fields } }: Admitted): boolean {
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.names[index] !== "other" || fields.nameText(index) !== "content-type") continue;
    return /^application\/grpc(?:[+;]|$)/i.test(fields.value(index));
  }
  return false;
}
