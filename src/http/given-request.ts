import type { Courier } from "./courier.ts";
import { KeptBody } from "./kept-body.ts";

const NOTHING = Buffer.alloc(0);

/** How much of one request after the other was given to a backend, and whether it can be given once more. */
export class GivenRequest {
  readonly #kept = new KeptBody();
  #isAll = false;
  #hasBody = false;
  #trailers = "";

  /** Starts on another request. */
  begin(): void {
    this.#kept.begin();
    this.#isAll = false;
    this.#hasBody = false;
    this.#trailers = "";
  }

  /** Was all of it given? */
  get isAll(): boolean {
    return this.#isAll;
  }

  /** Was some of its body given? */
  get hasBody(): boolean {
    return this.#hasBody;
  }

  /** Is some of what was given gone? */
  get isGone(): boolean {
    return this.#hasBody && !this.#kept.isWhole;
  }

  /** Adds what is given of the body; `isKept`: it may be wanted once more. */
  add(bytes: Buffer, start: number, end: number, isKept: boolean): void {
    this.#hasBody = true;
    if (isKept) this.#kept.add(bytes, start, end);
    else this.#kept.lose();
  }

  /** Its end is given, with `trailers`, lines or nothing; `isBody`: that is a part of the body. */
  end(trailers: string, isBody: boolean, isKept: boolean): void {
    this.#isAll = true;
    this.#trailers = trailers;
    if (isBody) this.add(NOTHING, 0, 0, isKept);
  }

  /** Gives a courier the body as far as another one had it; `false`: none had any. */
  giveTo(courier: Courier): boolean {
    if (!this.#hasBody) return false;
    const { bytes } = this.#kept;
    if (bytes !== undefined && bytes.length > 0) courier.sendBody(bytes, 0, bytes.length, false);
    if (this.#isAll) courier.endBody(this.#trailers);
    return true;
  }

  /** Nobody will want it once more. */
  lose(): void {
    this.#kept.lose();
  }

  /** Holds on to nothing. */
  rest(): void {
    this.#kept.begin();
  }
}
