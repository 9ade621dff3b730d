import type { Duplex } from "node:stream";
import { limits } from "../config/limits.ts";

/** What comes out of a {@link Pipe}. Nothing comes after `closed`. */
export interface PipeEvents {
  /** Some JSON; whether it is a message of ours is for the reader to see. */
  message(value: unknown): void;
  /** What came is not JSON, or longer than allowed: the other end is not what it was. `closed` follows. */
  broken(): void;
  /** Nothing will come any more: the other end closed it, or is gone. Called once. */
  closed(): void;
}

const LINE_END = 0x0a;

/**
 * One end of the pipe between the supervisor and a child: JSON, a message a line. Node's own channel
 * throws in the process that reads what is no JSON, and keeps what never ends; a worker that strangers
 * took over must not end the supervisor. Owns the socket.
 */
export class Pipe {
  readonly #socket: Duplex;
  readonly #events: PipeEvents;
  readonly #messageMaxBytes: number;
  /** The beginning of a message whose end has not come. */
  #pieces: Buffer[] = [];
  #pendingBytes = 0;

  constructor(socket: Duplex, messageMaxBytes: number, events: PipeEvents) {
    this.#socket = socket;
    this.#messageMaxBytes = messageMaxBytes;
    this.#events = events;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {
      // EPIPE, ECONNRESET: `close` follows and says the rest.
    });
    socket.once("close", () => events.closed());
  }

  /** Does the other end still listen, as far as we know? */
  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /**
   * Sends and forgets: what is said to an end that is gone is lost, and so is what is said to one
   * that has not listened for `limits.pipeBacklogMaxBytes`.
   */
  send(message: unknown): void {
    if (!this.isOpen || this.#socket.writableLength > limits.pipeBacklogMaxBytes) return;
    this.#socket.write(`${JSON.stringify(message)}\n`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    while (!this.#socket.destroyed) {
      const end = rest.indexOf(LINE_END);
      const piece = end < 0 ? rest : rest.subarray(0, end);
      this.#pieces.push(piece);
      this.#pendingBytes += piece.length;
      if (this.#pendingBytes > this.#messageMaxBytes) this.#break();
      if (end < 0) return;
      rest = rest.subarray(end + 1);
      this.#read();
    }
  }

  #read(): void {
    const line = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.#pendingBytes = 0;
    if (this.#socket.destroyed) return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#break();
      return;
    }
    this.#events.message(value);
  }

  #break(): void {
    this.#pieces = [];
    this.#events.broken();
    this.#socket.destroy();
  }
}
