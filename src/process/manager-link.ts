import { LatchkeyError } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import type { Channel } from "./channel.ts";
import type { ManagerState, Message } from "./messages.ts";

/**
 * A worker's questions to the manager. When the manager dies or is replaced, they wait for its
 * return, those under way and those to come, until it has been gone for a moment: then a visitor gets an
 * alert, not a hang, and whoever comes later gets it at once.
 */
export class ManagerLink {
  readonly #channel: Pick<Channel, "ask">;
  /** Aborted as long as it is gone. */
  #gone = new AbortController();
  #returned = Promise.withResolvers<void>();
  #goneSince = 0;
  #wasReady = false;

  constructor(channel: Pick<Channel, "ask">) {
    this.#channel = channel;
  }

  /** Where it is now, as the supervisor says. One that has never been ready here is gone only when there is none. */
  peersChanged(state: ManagerState): void {
    const isGone = this.#gone.signal.aborted;
    if (state === "ready" && isGone) {
      this.#gone = new AbortController();
      this.#returned.resolve();
    }
    if (!isGone && (state === "away" || (state === "starting" && this.#wasReady))) {
      this.#returned = Promise.withResolvers<void>();
      this.#goneSince = performance.now();
      this.#gone.abort(gone());
    }
    this.#wasReady = state === "ready";
  }

  /**
   * See {@link Channel.ask}. A question that the manager took with it is put once more.
   *
   * @throws {LatchkeyError} `PROCESS_UNREACHABLE` also when it does not come back in time.
   */
  async ask(question: (ask: number) => Message, signal: AbortSignal): Promise<Message> {
    await this.#isThere(signal);
    const { signal: lost } = this.#gone;
    try {
      return await this.#put(question, signal);
    } catch (error) {
      if (!lost.aborted || signal.aborted) throw error;
      await this.#isThere(signal);
      return await this.#put(question, signal);
    }
  }

  #put(question: (ask: number) => Message, signal: AbortSignal): Promise<Message> {
    return this.#channel.ask("manager", question, AbortSignal.any([signal, this.#gone.signal]));
  }

  /** Resolves at once unless the manager is known to be gone. */
  async #isThere(signal: AbortSignal): Promise<void> {
    if (!this.#gone.signal.aborted) return;
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    const leftMs = this.#goneSince + limits.managerReturnMs - performance.now();
    const timer = setTimeout(() => reject(gone()), Math.max(0, leftMs));
    signal.addEventListener("abort", leave, { once: true });
    try {
      await Promise.race([this.#returned.promise, promise]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
    }
  }
}

function gone(): LatchkeyError {
  return new LatchkeyError("PROCESS_UNREACHABLE", "Cannot ask the manager: it is not running");
}
