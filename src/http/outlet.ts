import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { borrow, giveBack } from "./spare-buffers.ts";

/**
 * Gathers what one event has to say to a socket and writes it in as few pieces as possible: heads and
 * small bodies as one string (measured: half the cost of two buffers), large pieces as they are.
 * Does not own the socket.
 */
export class Outlet {
  #socket: Socket | undefined;
  #text = "";
  #isCorked = false;
  #hasWritten = false;

  /** Says everything to `socket` from now on. What was not flushed before is forgotten. */
  open(socket: Socket): void {
    this.#socket = socket;
    this.#text = "";
    this.#isCorked = false;
  }

  /** From here on {@link takeBack} can tell whether anything was written. */
  mark(): void {
    this.#hasWritten = false;
  }

  /** Forgets what was said since the mark; `false`: some of it was written already. */
  takeBack(): boolean {
    if (this.#hasWritten) return false;
    this.#text = "";
    return true;
  }

  /** Nothing more will be said to the socket. */
  shut(): void {
    this.#socket = undefined;
    this.#text = "";
  }

  /** Adds text; every character stands for one byte (latin1). */
  say(text: string): void {
    this.#text += text;
  }

  /** Adds `bytes[start..end)`. Bytes that are `lent` are copied, as they change after this call. */
  pass(bytes: Buffer, start: number, end: number, isLent: boolean): void {
    if (end - start <= limits.joinMaxBytes) {
      this.#text += bytes.toString("latin1", start, end);
      return;
    }
    this.#hasWritten = true;
    if (this.#text !== "") {
      this.#cork();
      this.#socket?.write(this.#text, "latin1");
      this.#text = "";
    }
    if (isLent && end - start <= limits.bufferMaxBytes) this.#writeCopy(bytes, start, end);
    else
      this.#socket?.write(
        isLent ? Buffer.from(bytes.subarray(start, end)) : bytes.subarray(start, end),
      );
  }

  #writeCopy(bytes: Buffer, start: number, end: number): void {
    const copy = borrow();
    bytes.copy(copy, 0, start, end);
    // After an error nobody can tell whether the kernel is done with it: then it is left to the collector.
    this.#socket?.write(copy.subarray(0, end - start), (error) => {
      if (!error) giveBack(copy);
    });
  }

  /** Writes what is left. `false`: the socket takes no more until its `drain`. */
  flush(): boolean {
    const socket = this.#socket;
    if (socket === undefined) return true;
    if (this.#text !== "") {
      const text = this.#text;
      this.#text = "";
      this.#hasWritten = true;
      socket.write(text, "latin1");
    }
    if (this.#isCorked) {
      this.#isCorked = false;
      socket.uncork();
    }
    return !socket.writableNeedDrain;
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket?.cork();
  }
}
