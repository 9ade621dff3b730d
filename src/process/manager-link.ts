import { LatchkeyError } from "../base/errors.ts";
import type { Channel } from "./channel.ts";
import type { Message } from "./messages.ts";

/**
 * A worker's questions to the manager. When the manager is gone they fail at once, those under way
 * and those to come, until it is back: a visitor gets an alert, not a hang. Before it was ever
 * there, a question waits for it.
 */
export class ManagerLink {
  readonly #channel: Channel;
  #gone = new AbortController();
  #wasReady = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Who is there now, as the supervisor says. */
  peersChanged(isReady: boolean): void {
    if (isReady && this.#gone.signal.aborted) this.#gone = new AbortController();
    if (!isReady && this.#wasReady) this.#gone.abort(gone());
    this.#wasReady = isReady;
  }

  /** See {@link Channel.ask}. */
  ask(question: (ask: number) => Message, signal: AbortSignal): Promise<Message> {
    const either = AbortSignal.any([signal, this.#gone.signal]);
    if (either.aborted) return Promise.reject(either.reason);
    return this.#channel.ask("manager", question, either);
  }
}

function gone(): LatchkeyError {
  return new LatchkeyError("PROCESS_UNREACHABLE", "Cannot ask the manager: it is not running");
}
