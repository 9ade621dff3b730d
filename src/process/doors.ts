import type { Log } from "../base/log.ts";
import type { Listen } from "../config/config.ts";
import {
  bindListeners,
  type InheritedFds,
  inheritedFds,
  isForAnother,
  type Listener,
  type Listeners,
} from "./listeners.ts";

/**
 * The listening sockets of the program through its reloads. One that a configuration no longer
 * wants stays open, and can be had again, until nobody of before listens on it.
 */
export class Doors {
  readonly #inherited: InheritedFds | undefined;
  readonly #open: Set<Listener>;
  #current: Listeners;

  /** @throws {LatchkeyError} `LISTEN_FAILED`. */
  constructor(listen: Listen, inherited: InheritedFds | undefined) {
    this.#inherited = inherited;
    this.#current = bindListeners(listen, inherited, []);
    this.#open = new Set(allOf(this.#current));
  }

  /** Those that the configuration of now wants. */
  get current(): Listeners {
    return this.#current;
  }

  /** @throws {LatchkeyError} `LISTEN_FAILED`, with nothing changed. */
  change(listen: Listen): void {
    this.#current = bindListeners(listen, this.#inherited, [...this.#open]);
    for (const listener of allOf(this.#current)) this.#open.add(listener);
  }

  /**
   * Tries again what could not be listened on. Anything new is in {@link current} then.
   *
   * @returns The addresses that can be listened on from now on.
   */
  retry(listen: Listen): readonly string[] {
    const missed = this.#current.unbound;
    if (missed.length === 0) return [];
    this.change(listen);
    const still = new Set(this.#current.unbound.map(({ address }) => address));
    return missed.map(({ address }) => address).filter((address) => !still.has(address));
  }

  /** Closes those of before. */
  closeUnused(): void {
    const wanted = new Set(allOf(this.#current));
    for (const listener of this.#open) {
      if (wanted.has(listener)) continue;
      listener.close();
      this.#open.delete(listener);
    }
  }

  /** May be called again. */
  closeAll(): void {
    for (const listener of this.#open) listener.close();
  }
}

/** With the sockets that this process inherits, if any; those handed to another one are told of, and left alone. */
export function openDoors(listen: Listen, log: Log): Doors {
  const { env, pid } = process;
  if (isForAnother(env, pid)) log.warn("listen.not-ours", { LISTEN_PID: env["LISTEN_PID"], pid });
  return new Doors(listen, inheritedFds(env, pid));
}

function allOf(listeners: Listeners): Listener[] {
  return [...listeners.https, ...listeners.http];
}
