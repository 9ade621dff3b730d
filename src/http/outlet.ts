import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";
import { borrow, giveBack, SPARE_BYTES } from "./spare-buffers.ts";

/**
 * Gathers what one event has to say to a socket and writes it as one piece, where it can: a head and a small body
 * as one string, a larger one behind its head in one borrowed buffer, since Node copies what comes in two pieces
 * together for TLS. Does not own the socket.
 */
export class Outlet {
  #socket: Socket | undefined;
  /** What was said last. */
  #text = "";
  /** What was said before that: `#length` bytes of a borrowed buffer. */
  #gathered: Buffer | undefined;
  #length = 0;
  #hasWritten = false;
  #isFlushDue = false;

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
    this.#socket = undefined;
    this.#forget();
  }

  /** Adds text; every character stands for one byte (latin1). */
  say(text: string): void {
    this.#text += text;
  }

  /** Adds a copy of `bytes[start..end)`. */
  pass(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= limits.joinMaxBytes) {
      this.#text += bytes.toString("latin1", start, end);
      return;
    }
    if (this.#waiting + length > SPARE_BYTES) this.#writeAll();
    if (length <= SPARE_BYTES) this.#gather(bytes, start, end);
    else this.#write(Buffer.from(bytes.subarray(start, end)));
  }

  /** Writes what is left. `false`: the socket takes no more until its `drain`. */
  flush(): boolean {
    this.#writeAll();
    return this.#takesMore;
  }

  /**
   * Leaves what was said to the end of this turn of the event loop, unless it is much: TLS gives an upload in pieces of
   * 16 KiB, several in one turn, which so leave by one system call. `false`: as with {@link flush}.
   */
  flushSoon(): boolean {
    if (this.#waiting >= limits.bufferMaxBytes) return this.flush();
    if (!this.#isFlushDue && this.#waiting > 0) {
      this.#isFlushDue = true;
      setImmediate(flushDue, this);
    }
    return this.#takesMore;
  }

  /** What {@link flushSoon} has left. */
  flushDue(): void {
    this.#isFlushDue = false;
    this.#writeAll();
  }

  get #takesMore(): boolean {
    return this.#socket?.writableNeedDrain !== true;
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
    this.#write(text);
  }

  #write(piece: Buffer | string): void {
    this.#hasWritten = true;
    this.#socket?.write(piece, "latin1");
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

function flushDue(outlet: Outlet): void {
  outlet.flushDue();
}
