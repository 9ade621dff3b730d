import { Socket } from "node:net";
import { LatchkeyError } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import type { Address, FromSupervisor, Message } from "./messages.ts";
import { Pipe } from "./pipe.ts";
import { envelope, readEnvelope } from "./read-message.ts";

type Configure = Extract<FromSupervisor, { type: "configure" }>;

/** What a child does when something arrives. */
export interface ChannelHandlers {
  /** A message of any other process. `from` is what the supervisor says, not what the sender says. */
  message(message: Message, from: Address): void;
  /** The supervisor is gone: nobody will start, stop or replace us any more. */
  orphaned(): void;
}

/** Where a child finds its end of the pipe: behind the standard descriptors. */
export const PIPE_FD = 3;

/**
 * A child's end of its pipe to the supervisor, through which it also reaches every other process.
 * Says `heartbeat` once a second for as long as the event loop turns.
 */
export class Channel {
  readonly #self: Address;
  readonly #pipe: Pipe;
  #handlers: ChannelHandlers | undefined;
  /** What came before {@link open}; a supervisor sends little before `ready`. */
  readonly #early: [Message, Address][] = [];
  readonly #asks = new Map<number, (answer: Message) => void>();
  #lastAsk = 0;

  private constructor(self: Address) {
    this.#self = self;
    this.#pipe = new Pipe(new Socket({ fd: PIPE_FD }), limits.messageMaxBytes, {
      message: (value) => this.#receive(value),
      broken: () => {},
      closed: () => this.#handlers?.orphaned(),
    });
    // The supervisor alone decides when a child stops; a terminal's Ctrl-C reaches children too.
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  }

  /** Waits for the first message, which says what this process is to do. */
  static async connect(self: Address): Promise<{ channel: Channel; configure: Configure }> {
    const channel = new Channel(self);
    const configure = await new Promise<Configure>((resolve) => {
      channel.#handlers = {
        message: (message, from) => {
          if (message.type === "configure") resolve(message);
          // What waited in the pipe comes in one go, before whoever waits here goes on.
          else channel.#early.push([message, from]);
        },
        orphaned: () => process.exit(1),
      };
    });
    channel.#handlers = undefined;
    channel.#beat();
    return { channel, configure };
  }

  /** From here on messages go to `handlers`; those that came meanwhile go first. */
  open(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    for (const [message, from] of this.#early.splice(0)) handlers.message(message, from);
    if (!this.#pipe.isOpen) handlers.orphaned();
  }

  /** Sends and forgets: a process that is gone loses its messages, and its asks fail by deadline. */
  send(to: Address, message: Message): void {
    this.#pipe.send(envelope(this.#self, to, message));
  }

  /**
   * Asks and waits for the answer that repeats the number of the question.
   *
   * @throws {LatchkeyError} `PROCESS_UNREACHABLE` when too many questions wait already;
   *   the signal's reason when it is aborted first.
   */
  ask(to: Address, question: (ask: number) => Message, signal: AbortSignal): Promise<Message> {
    if (this.#asks.size >= limits.asksMax) {
      const why = "Cannot ask another process: too many questions wait for their answer";
      return Promise.reject(new LatchkeyError("PROCESS_UNREACHABLE", why));
    }
    signal.throwIfAborted();
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#asks.set(ask, resolve);
    this.send(to, question(ask));
    return promise.finally(() => {
      this.#asks.delete(ask);
      signal.removeEventListener("abort", onAbort);
    });
  }

  /** From the first message on: a child that waits for its lease, or reads thousands of hosts, is not one that hangs. */
  #beat(): void {
    const beat = () => this.send("supervisor", { type: "heartbeat" });
    beat();
    setInterval(beat, limits.heartbeatEveryMs).unref();
  }

  #receive(value: unknown): void {
    const read = readEnvelope(value);
    if (read === undefined) return;
    const { message, from } = read;
    if ("ask" in message && message.type.endsWith(".answer")) {
      this.#asks.get(message.ask)?.(message);
      return;
    }
    if (this.#handlers === undefined) this.#early.push([message, from]);
    else this.#handlers.message(message, from);
  }
}
