import type { Log } from "../base/log.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { backendName } from "./identity.ts";

/** A request that its backend gave no whole answer to. */
export interface FailedRequest {
  /** Whose request it was. */
  readonly host: string;
  /** Those that it was for: the same array for all requests of a route. */
  readonly backends: readonly Backend[];
  /** The last one that was tried; `undefined`: none could be. */
  readonly backend: Backend | undefined;
  /** What the client got, or was to get. */
  readonly status: number;
  /** The cause, in words for operators. */
  readonly why: string;
}

/** One cause at one backend. */
interface Told {
  readonly at: number;
  /** How often it came since. */
  suppressed: number;
}

/**
 * Tells of failed requests in the log: `backend.failed`, once in a while for each backend and cause (or
 * for all backends of a route together, where none could be tried), with the number of those that were not
 * told. At most `limits.backendFailuresMax` lines in that while.
 */
export class FailureLog {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #names = new WeakMap<readonly Backend[], string>();
  /** In the order in which they were told. */
  readonly #told = new RecentMap<string, Told>(limits.backendFailuresMax);

  /** @param now Milliseconds since any moment, by a clock that nobody sets. */
  constructor(log: Log, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  note({ host, backends, backend, status, why }: FailedRequest): void {
    const now = this.#now();
    const name = backend && backendName(backend);
    const key = `${name ?? this.#nameOf(backends)}\0${why}`;
    const before = this.#told.peek(key);
    if (before !== undefined && isRecent(before, now)) {
      before.suppressed += 1;
      return;
    }
    if (before === undefined && this.#isFull(now)) return;
    this.#told.set(key, { at: now, suppressed: 0 });
    const suppressed = before?.suppressed || undefined;
    this.#log.warn("backend.failed", { host, backend: name, status, why, suppressed });
  }

  #nameOf(backends: readonly Backend[]): string {
    let name = this.#names.get(backends);
    if (name === undefined) {
      name = backends.map(backendName).join(" ");
      this.#names.set(backends, name);
    }
    return name;
  }

  /** Has so much been told of late that the oldest of it is recent? */
  #isFull(now: number): boolean {
    if (this.#told.size < limits.backendFailuresMax) return false;
    for (const [, oldest] of this.#told) return isRecent(oldest, now);
    return false;
  }
}

function isRecent({ at }: Told, now: number): boolean {
  return now - at < limits.backendFailureQuietMs;
}
