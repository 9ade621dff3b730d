import type { Facts } from "./errors.ts";
import type { Log } from "./log.ts";

/** One thing that happened to a host, as it goes into the log. */
export interface HostEvent {
  readonly event: string;
  readonly facts: Facts;
}

/** A log that can also be listened to: whoever waits for a certificate sees what is done for its host. */
export class WatchedLog implements Log {
  readonly #log: Log;
  readonly #hear: (event: string, facts: Facts) => void;
  readonly #listeners = new Map<string, Set<(happened: HostEvent) => void>>();

  /** @param hear Hears every line, but for those for debugging. It must not throw. */
  constructor(log: Log, hear: (event: string, facts: Facts) => void = () => {}) {
    this.#log = log;
    this.#hear = hear;
  }

  /** Tells `listener` of every line about `host`, until the returned function is called. It must not throw. */
  watch(host: string, listener: (happened: HostEvent) => void): () => void {
    const listeners = this.#listeners.get(host) ?? new Set();
    this.#listeners.set(host, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(host);
    };
  }

  debug(event: string, facts: Facts = {}): void {
    this.#log.debug(event, facts);
  }

  info(event: string, facts: Facts = {}): void {
    this.#log.info(event, facts);
    this.#tell(event, facts);
  }

  warn(event: string, facts: Facts = {}): void {
    this.#log.warn(event, facts);
    this.#tell(event, facts);
  }

  error(event: string, facts: Facts = {}): void {
    this.#log.error(event, facts);
    this.#tell(event, facts);
  }

  #tell(event: string, facts: Facts): void {
    this.#hear(event, facts);
    const { host } = facts;
    if (typeof host !== "string") return;
    for (const listener of this.#listeners.get(host) ?? []) listener({ event, facts });
  }
}
