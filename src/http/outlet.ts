import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { borrow, giveBack, SPARE_BYTES } from "./spare-buffers.ts";

/**
 * Gathers what one event has to say to a socket and writes it as one piece, where it can: a head and a small body
 * as one string, a larger one behind its head in one borrowed buffer, since Node copies what comes in two pieces
 * together for TLS. Bytes of our own with nothing before them go as they are. Does not own the socket.
 */
export class Outlet {
  #socket: Socket | undefined;
  /** What was said last. */
  #text = "";
  /** What was said before that: `#length` bytes of a borrowed buffer. */
  #gathered: Buffer | undefined;
  #length = 0;
  #hasWritten = false;
  /** Bytes of this turn wait in this socket, which is corked. */
  #held: Socket | undefined;
  #isReleaseDue = false;

  /** Says everything to `socket` from now on. What was not flushed before is forgotten. */
  open(socket: Socket): void {
    this.#socket = socket;
    this.#forget();
  }

  /** From here on {@link takeBack} can tell whether anything was written. */
  mark(): void {
    this.#hasWritten = false;
  }

  /** Forgets what was said since the mark; `false`: some of it was written already. */
  takeBack(): boolean {
    if (this.#hasWritten) return false;
    this.#forget();
    return true;
  }

  /** Nothing more will be said to the socket. */
  shut(): void {
    this.release();
    this.#socket = undefined;
    this.#forget();
  }

  /** Adds text; every character stands for one byte (latin1). */
  say(text: string): void {
    this.#text += text;
  }

  /** Adds `bytes[start..end)`. Bytes that are `lent` are copied, as they change after this call. */
  pass(bytes: Buffer, start: number, end: number, isLent: boolean): void {
    const length = end - start;
    if (length <= limits.joinMaxBytes) {
      this.#text += bytes.toString("latin1", start, end);
      return;
    }
    if (this.#waiting + length > SPARE_BYTES) this.#writeAll();
    if (this.#waiting === 0 && (!isLent || length > SPARE_BYTES))
      this.#writeBytes(bytes, start, end, isLent);
    else this.#gather(bytes, start, end);
  }

  /** Writes what is left. `false`: the socket takes no more until its `drain`. */
  flush(): boolean {
    this.#writeAll();
    return this.#socket?.writableNeedDrain !== true;
  }

  /** Lets go what {@link #holdBack} keeps for the end of this turn. */
  release(): void {
    this.#held?.uncork();
    this.#held = undefined;
  }

  /** How many bytes were said and are not written. */
  get #waiting(): number {
    return this.#length + this.#text.length;
  }

  #gather(bytes: Buffer, start: number, end: number): void {
    const buffer = this.#gatherText(end - start);
    this.#length += bytes.copy(buffer, this.#length, start, end);
  }

  /** Puts the text behind what was gathered, where there is room for it and `more` bytes. */
  #gatherText(more: number): Buffer {
    const buffer = this.#withRoom(this.#waiting + more);
    this.#length += buffer.write(this.#text, this.#length, "latin1");
    this.#text = "";
    return buffer;
  }

  /** What was gathered, in a buffer for so many bytes in all. */
  #withRoom(bytes: number): Buffer {
    const old = this.#gathered;
    if (old !== undefined && old.length >= bytes) return old;
    const buffer = borrow(bytes);
    old?.copy(buffer, 0, 0, this.#length);
    if (old !== undefined) giveBack(old);
    this.#gathered = buffer;
    return buffer;
  }

  #writeBytes(bytes: Buffer, start: number, end: number, isLent: boolean): void {
    this.#hasWritten = true;
    const piece = bytes.subarray(start, end);
    if (!isLent) this.#holdBack(piece.length);
    this.#socket?.write(isLent ? Buffer.from(piece) : piece);
  }

  /**
   * TLS gives an upload in pieces of 16 KiB, several for each read of the socket: they leave by one system call, at
   * the end of this turn of the event loop, or before more would wait than the socket is for.
   */
  #holdBack(length: number): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (socket.writableLength + length >= socket.writableHighWaterMark) this.release();
    if (this.#held !== undefined) return;
    socket.cork();
    this.#held = socket;
    if (this.#isReleaseDue) return;
    this.#isReleaseDue = true;
    setImmediate(() => {
      this.#isReleaseDue = false;
      this.release();
    });
  }

  #writeAll(): void {
    if (this.#gathered !== undefined) {
      if (this.#waiting <= SPARE_BYTES) this.#gatherText(0);
      this.#writeGathered(this.#gathered, this.#length);
      this.#gathered = undefined;
      this.#length = 0;
    }
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#hasWritten = true;
    this.#socket?.write(text, "latin1");
  }

  #writeGathered(buffer: Buffer, length: number): void {
    this.#hasWritten = true;
    // After an error nobody can tell whether the kernel is done with it: then it is left to the collector.
    this.#socket?.write(buffer.subarray(0, length), (error) => {
      if (!error) giveBack(buffer);
    });
  }

  #forget(): void {
    this.#text = "";
    if (this.#gathered !== undefined) giveBack(this.#gathered);
    this.#gathered = undefined;
    this.#length = 0;
  }
}
