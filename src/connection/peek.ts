import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { type ClientHello, readClientHello } from "./client-hello.ts";

/** What came of waiting for a ClientHello. */
export type Peeked =
  | Exclude<ClientHello, { readonly kind: "partial" }>
  /** `limits.helloTimeoutMs` passed first. */
  | { readonly kind: "timed-out" }
  /** The client left first, or ended without a byte. */
  | { readonly kind: "closed" };

/**
 * Reads one whole ClientHello from a raw socket and gives every byte back. On return the socket is
 * paused, carries no listener of this function, and belongs to the caller again, to be handed on in
 * the same tick. It is never closed here. The wait ends at `limits.helloTimeoutMs`, and at once
 * when somebody destroys the socket.
 */
export function peek(socket: Socket): Promise<Peeked> {
  return new Promise((resolve) => {
    const received = new Received();

    const settle = (peeked: Peeked): void => {
      clearTimeout(deadline);
      socket.off("data", read).off("end", end).off("close", leave);
      socket.pause();
      // Once and whole: a partial hello given back would be read again at once, for ever.
      if (received.size > 0 && !socket.destroyed && !socket.readableEnded) {
        socket.unshift(received.bytes());
      }
      resolve(peeked);
    };
    const read = (chunk: Buffer): void => {
      const hello = received.add(chunk);
      if (hello.kind !== "partial") settle(hello);
    };
    const leave = (): void => settle({ kind: "closed" });
    const end = (): void => {
      if (received.size === 0) leave();
      else settle({ kind: "malformed", why: "it ends in its middle" });
    };
    const deadline = setTimeout(() => settle({ kind: "timed-out" }), limits.helloTimeoutMs);

    if (socket.destroyed) return leave();
    socket.on("data", read).on("end", end).on("close", leave);
    socket.resume(); // whoever had it before may have paused it
  });
}

/**
 * The bytes so far. However small the pieces they come in, each byte is copied a few times at most
 * and the hello is looked at once per record: 16 KiB one by one must not cost a stranger's square.
 */
class Received {
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;
  #wantsBytes = 1;

  add(chunk: Buffer): ClientHello {
    this.#append(chunk);
    if (this.#length < this.#wantsBytes) return { kind: "partial", wantsBytes: this.#wantsBytes };
    const hello = readClientHello(this.bytes());
    if (hello.kind === "partial") this.#wantsBytes = hello.wantsBytes;
    return hello;
  }

  get size(): number {
    return this.#length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#buffer = chunk; // most hellos come in one piece
    } else if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(2 * length);
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    if (this.#buffer !== chunk) chunk.copy(this.#buffer, this.#length);
    this.#length = length;
  }
}
