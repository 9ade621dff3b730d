import type { Backend, PathRoute } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Deadlines } from "./deadlines.ts";
import { backendKey } from "./identity.ts";

/**
 * Chooses among the backends of a route: in rotation, passing over those that refused a connection
 * a moment ago, unless all of them did.
 */
export class Balancer {
  readonly #deadlines: Deadlines;
  /** Where each route's rotation stands. */
  readonly #turns = new WeakMap<PathRoute, number>();
  /** Until when a backend is passed over. Holds backends of the configuration only. */
  readonly #downUntil = new Map<string, number>();

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** The next backend for a request that was already `tried` on some; `undefined` when on all. */
  choose(route: PathRoute, tried: readonly Backend[]): Backend | undefined {
    const { backends } = route;
    if (backends.length === 1) return tried.length === 0 ? backends[0] : undefined;
    const turn = this.#turns.get(route) ?? 0;
    let fallback: Backend | undefined;
    for (let step = 0; step < backends.length; step += 1) {
      const index = (turn + step) % backends.length;
      const backend = backends[index];
      if (backend === undefined || tried.includes(backend)) continue;
      if (!this.isDown(backend)) {
        this.#turns.set(route, index + 1);
        return backend;
      }
      fallback ??= backend;
    }
    // Every one left is thought to be down: better a try than an error.
    if (fallback !== undefined) this.#turns.set(route, turn + 1);
    return fallback;
  }

  /** Is this backend passed over at the moment? */
  isDown(backend: Backend): boolean {
    if (this.#downUntil.size === 0) return false;
    return (this.#downUntil.get(backendKey(backend)) ?? 0) > this.#deadlines.now;
  }

  /** A connection to it could not be made. Returns whether that is news. */
  markDown(backend: Backend): boolean {
    const isNews = !this.#downUntil.has(backendKey(backend));
    this.#downUntil.set(backendKey(backend), this.#deadlines.in(limits.backendDownMs));
    return isNews;
  }

  /** It took a connection. Returns whether that is news. */
  markUp(backend: Backend): boolean {
    return this.#downUntil.size > 0 && this.#downUntil.delete(backendKey(backend));
  }
}
