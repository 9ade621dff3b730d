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

/**
 * With the sockets that this process inherits, if any; those handed to another one are told of, and left alone. So is
 * it told, once, that a machine without IPv6 is reached by IPv4 alone.
 */
export function openDoors(listen: Listen, log: Log): Doors {
  const { env, pid } = process;
  if (isForAnother(env, pid)) log.warn("listen.not-ours", { LISTEN_PID: env["LISTEN_PID"], pid });
  const doors = new Doors(listen, inheritedFds(env, pid));
  if (allOf(doors.current).some(({ isIpv4Only }) => isIpv4Only))
    log.warn("listen.ipv4-only", { message: NO_IPV6 });
  return doors;
}

const NO_IPV6 =
  "This machine has no IPv6: clients come by IPv4 alone, so let no AAAA record lead to it";

function allOf(listeners: Listeners): Listener[] {
  return [...listeners.https, ...listeners.http];
}
