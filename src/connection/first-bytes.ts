import type { Socket } from "node:net";
import { giveBack } from "./give-back.ts";

/** A reader needs more bytes: nothing can be said before there are `wantsBytes` in all. */
export interface PartialRead {
  readonly kind: "partial";
  readonly wantsBytes: number;
}

/** Why nothing was read. */
export type Unread =
  /** The time was over first. */
  | { readonly kind: "timed-out" }
  /** The client left first, or ended without a byte. */
  | { readonly kind: "closed" };

/** What is read of a client that ends its side in the middle; it uses up nothing. */
const cutShort = { kind: "malformed", why: "it ends in its middle" } as const;

/** What is read, and how long it may take. */
export interface FirstBytesOptions<Read> {
  /** Pure; is given all bytes that came so far. */
  readonly reader: (bytes: Buffer) => Read | PartialRead;
  /** How many bytes are used up by what was read; the rest is given back. */
  readonly used: (read: Read) => number;
  readonly timeoutMs: number;
}

/**
 * Reads the first bytes of a raw socket until `reader` has its say, and gives back those that it does not
 * use. On return the socket is paused, carries no listener of this function, and belongs to the caller
 * again, to be handed on in the same tick. It is never closed here. The wait ends after `timeoutMs`,
 * and at once when somebody destroys the socket.
 */
export function readFirstBytes<Read extends { readonly kind: string }>(
  socket: Socket,
  { reader, used, timeoutMs }: FirstBytesOptions<Read>,
): Promise<Read | Unread | typeof cutShort> {
  return new Promise((resolve) => {
    const received = new Received();

    const settle = (outcome: Read | Unread | typeof cutShort, usedBytes: number): void => {
      clearTimeout(deadline);
      socket.off("data", read).off("end", end).off("close", leave);
      socket.pause();
      const rest = received.bytes().subarray(usedBytes);
      // Once and all of it: part of a message given back would be read again at once, for ever.
      if (!socket.destroyed && !socket.readableEnded) giveBack(socket, rest);
      resolve(outcome);
    };
    const read = (chunk: Buffer): void => {
      received.add(chunk);
      if (received.size < received.wantsBytes) return;
      const outcome = reader(received.bytes());
      if (isPartial(outcome)) received.wantsBytes = outcome.wantsBytes;
      else settle(outcome, used(outcome));
    };
    const leave = (): void => settle({ kind: "closed" }, 0);
    const end = (): void => {
      if (received.size === 0) leave();
      else settle(cutShort, 0);
    };
    const deadline = setTimeout(() => settle({ kind: "timed-out" }, 0), timeoutMs);

    if (socket.destroyed) return leave();
    socket.on("data", read).on("end", end).on("close", leave);
    socket.resume(); // whoever had it before may have paused it
  });
}

function isPartial(outcome: { readonly kind: string }): outcome is PartialRead {
  return outcome.kind === "partial";
}

/**
 * The bytes so far. However small the pieces they come in, each byte is copied a few times at most
 * and a hello is looked at once per record: 16 KiB one by one must not cost a stranger's square.
 */
class Received {
  wantsBytes = 1;
  #buffer: Buffer = Buffer.alloc(0);
  #length = 0;

  add(chunk: Buffer): void {
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

  get size(): number {
    return this.#length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}
