import { type Deadlines, NEVER } from "../backend/deadlines.ts";
import type { PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { Admitted } from "./admit.ts";
import { BodyReader } from "./body.ts";
import { BodyPace } from "./body-pace.ts";
import type { Exchange } from "./exchange.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import type { BodySource } from "./front.ts";
import type { Inbox } from "./inbox.ts";
import type { HeadEdits } from "./policy.ts";
import { requestTrailers } from "./trailers.ts";

/** The body of one HTTP/1.1 request after the other: read from the inbox, given to the exchange or to nobody. */
export class RequestBody implements BodySource {
  readonly #inbox: Inbox;
  readonly #reader = new BodyReader();
  readonly #pace: BodyPace;
  #request: Admitted | undefined;
  #maxBytes = Number.POSITIVE_INFINITY;
  #discarded = 0;
  #isDone = true;
  #received = 0;
  #deadline = NEVER;

  constructor(inbox: Inbox, deadlines: Deadlines) {
    this.#inbox = inbox;
    this.#pace = new BodyPace(deadlines);
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get received(): number {
    return this.#received;
  }

  get mayHaveTrailers(): boolean {
    return this.#request?.takesTrailers === true && this.#request.framing === "chunked";
  }

  get deadline(): number {
    return this.#deadline;
  }

  begin(request: Admitted, route: PathRoute | undefined): void {
    const { framing, contentLength } = request;
    this.#request = request;
    this.#maxBytes = route?.maxBodyBytes ?? Number.POSITIVE_INFINITY;
    this.#received = 0;
    this.#discarded = 0;
    this.#isDone = framing === "none" || (framing === "length" && contentLength === 0);
    if (this.#isDone) return;
    this.#reader.begin(framing, contentLength);
    this.#deadline = this.#pace.begin();
  }

  pump(exchange: Exchange, edits: HeadEdits | undefined): Fault | undefined {
    const inbox = this.#inbox;
    if (this.#isDone || inbox.size === 0 || !exchange.takesBody) return undefined;
    const reader = this.#reader;
    const state = reader.read(inbox.bytes, inbox.from, inbox.to);
    const length = reader.dataEnd - reader.dataStart;
    this.#received += length;
    if (state === "fault") return fault(400, reader.why);
    if (this.#received > this.#maxBytes) return fault(413, "the body is larger than allowed");
    if (length > 0) exchange.sendBody(inbox.bytes, reader.dataStart, reader.dataEnd, true);
    inbox.useTo(reader.next);
    this.#deadline = this.#pace.received(length);
    if (state === "done") {
      this.#isDone = true;
      exchange.endBody(requestTrailers(this.#trailers, this.#request, edits));
    }
    return undefined;
  }

  /** Reads on for nobody. `false`: it is broken, or longer than is worth reading. */
  discard(): boolean {
    const inbox = this.#inbox;
    if (this.#isDone || inbox.size === 0) return true;
    const state = this.#reader.read(inbox.bytes, inbox.from, inbox.to);
    this.#discarded += this.#reader.next - inbox.from;
    inbox.useTo(this.#reader.next);
    this.#isDone = state === "done";
    return state !== "fault" && this.#discarded <= limits.drainMaxBytes;
  }

  /** We take no more for now. */
  pause(): void {
    this.#pace.pause();
    this.#deadline = NEVER;
  }

  resume(): void {
    this.#deadline = this.#pace.resume();
  }

  get #trailers(): Fields | undefined {
    return this.#request?.takesTrailers === true ? this.#reader.trailers : undefined;
  }
}
