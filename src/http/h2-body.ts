import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import type { Admitted } from "./admit.ts";
import { BodyPace } from "./body-pace.ts";
import type { Exchange } from "./exchange.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import type { BodySource } from "./front.ts";
import { trailerLines } from "./headers.ts";
import { Inbox } from "./inbox.ts";

/** The body of one HTTP/2 request: its stream gives what comes, the exchange takes it. */
export class H2Body implements BodySource {
  readonly #inbox = new Inbox();
  readonly #pace: BodyPace;
  #request: Admitted | undefined;
  #maxBytes = Number.POSITIVE_INFINITY;
  #hasEnded: boolean;
  #trailers: Fields | undefined;
  #isDone = true;
  #received = 0;
  #deadline = NEVER;

  /** `isWhole`: the head was all of the request. */
  constructor(deadlines: Deadlines, isWhole: boolean) {
    this.#pace = new BodyPace(deadlines);
    this.#hasEnded = isWhole;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get received(): number {
    return this.#received;
  }

  get deadline(): number {
    return this.#deadline;
  }

  /** Does something wait here that the exchange has not taken? */
  get isWaiting(): boolean {
    return this.#inbox.size > 0;
  }

  begin(request: Admitted, maxBytes: number | undefined): void {
    this.#request = request;
    this.#maxBytes = maxBytes ?? Number.POSITIVE_INFINITY;
    this.#isDone = request.framing === "none";
    if (!this.#isDone) this.#deadline = this.#pace.begin();
  }

  /** Content; the bytes are the body's from now on. */
  add(piece: Buffer): void {
    this.#inbox.add(piece);
  }

  /** Nothing follows, but maybe trailers. */
  end(trailers: Fields | undefined): void {
    this.#hasEnded = true;
    this.#trailers = trailers;
  }

  /** Nobody wants what waits here. */
  clear(): void {
    this.#inbox.clear();
  }

  pump(exchange: Exchange): Fault | undefined {
    if (this.#isDone || !exchange.takesBody) return undefined;
    const { size, bytes, from, to } = this.#inbox;
    this.#received += size;
    if (this.#received > this.#maxBytes) return fault(413, "the body is larger than allowed");
    if (size > 0) {
      exchange.sendBody(bytes, from, to);
      this.#inbox.clear();
      this.#deadline = this.#pace.received(size);
    }
    return this.#hasEnded ? this.#finish(exchange) : undefined;
  }

  /** We take no more for now. */
  pause(): void {
    this.#pace.pause();
    this.#deadline = NEVER;
  }

  resume(): void {
    this.#deadline = this.#pace.resume();
  }

  /** RFC 9113 §8.1.1: the body is as long as it says, or the request is malformed. */
  #finish(exchange: Exchange): Fault | undefined {
    const request = this.#request;
    if (request?.framing === "length" && request.contentLength !== this.#received)
      return fault(400, "the body is not as long as it says");
    this.#isDone = true;
    exchange.endBody(this.#trailers === undefined ? "" : trailerLines(this.#trailers));
    return undefined;
  }
}
