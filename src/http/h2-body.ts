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
  /** When the next byte is due, at the pace of bodies; never, while none is. */
  #deadline = NEVER;
  /** When something came last, or we began to wait for it. */
  #heardAt = 0;
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

  /**
   * Messages come when there is something to say. Once their answer has begun they are the exchange's to watch:
   * either side may be silent then.
   */
  get deadline(): number {
    const silenceMs = this.#exchange?.silenceMs;
    if (silenceMs === undefined || this.#deadline === NEVER) return this.#deadline;
    return this.#exchange?.hasBegun === true ? NEVER : this.#heardAt + silenceMs;
  }

  /** Does something wait here that the exchange has not taken? */
  get isWaiting(): boolean {
    return this.#inbox.size > 0;
  }

  begin(request: Admitted, route: PathRoute | undefined): void {
    this.#request = request;
    this.#maxBytes = route?.maxBodyBytes ?? Number.POSITIVE_INFINITY;
    this.#isDone = isEmpty(request);
    this.#exchange = undefined;
    if (!this.#isDone) this.#expect(this.#pace.begin());
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
      exchange.sendBody(bytes, from, to, false);
      this.#inbox.clear();
      this.#expect(this.#pace.received(size));
    }
    return this.#hasEnded ? this.#finish(exchange, edits) : undefined;
  }

  /** We take no more for now. */
  pause(): void {
    this.#pace.pause();
    this.#deadline = NEVER;
  }

  resume(): void {
    this.#expect(this.#pace.resume());
  }

  /** The next byte is due at `deadline`, if there is to be one: else the rest is up to the backend. */
  #expect(deadline: number): void {
    this.#deadline = this.#hasEnded ? NEVER : deadline;
    this.#heardAt = this.#deadlines.in(0);
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
