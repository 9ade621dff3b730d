import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { BackendConnection, BackendUser } from "./connection.ts";
import type { Deadlines } from "./deadlines.ts";
import { backendKey } from "./identity.ts";

/**
 * Idle connections to every backend, for the next exchange. The pool owns what lies in it: any byte,
 * end or error on an idle connection kills it (nobody asked, so whatever it says answers nothing).
 * The last one laid down is the first one taken, so that the others may age away.
 */
export class BackendPool {
  readonly #deadlines: Deadlines;
  /** By what identifies a backend; a list that runs empty is removed. */
  readonly #resting = new Map<string, BackendConnection[]>();

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** How many connections lie idle. */
  get size(): number {
    let size = 0;
    for (const list of this.#resting.values()) size += list.length;
    return size;
  }

  /**
   * An idle connection to `backend`, owned by `user` from now on; `undefined` when there is none. One that
   * was introduced as somebody's is nobody else's.
   */
  take(backend: Backend, user: BackendUser, introduction: string): BackendConnection | undefined {
    const list = this.#resting.get(backendKey(backend));
    for (;;) {
      const connection = takeLast(list, introduction);
      if (connection === undefined) return undefined;
      if (connection.isAlive) {
        connection.lend(user);
        return connection;
      }
      connection.destroy();
    }
  }

  /** Takes over a connection whose request and answer have both ended cleanly. */
  keep(connection: BackendConnection): void {
    const key = backendKey(connection.backend);
    let list = this.#resting.get(key);
    if (list === undefined) {
      list = [];
      if (this.#resting.size === 0) this.#deadlines.watch(this);
      this.#resting.set(key, list);
    }
    if (!connection.isAlive || list.length >= limits.backendPoolMax) {
      connection.destroy();
      return;
    }
    connection.restsUntil = this.#deadlines.in(limits.backendPoolIdleMs);
    connection.rest(this);
    list.push(connection);
  }

  lost(connection: BackendConnection): void {
    const list = this.#resting.get(backendKey(connection.backend)) ?? [];
    const index = list.indexOf(connection);
    if (index !== -1) list.splice(index, 1);
  }

  /** Throws away what has rested too long: the oldest are at the front of each list. */
  tick(now: number): void {
    for (const [key, list] of this.#resting) {
      while (list[0] !== undefined && list[0].restsUntil <= now) list.shift()?.destroy();
      if (list.length === 0) this.#resting.delete(key);
    }
    if (this.#resting.size === 0) this.#deadlines.forget(this);
  }

  /** Closes every idle connection. */
  close(): void {
    for (const list of this.#resting.values()) {
      for (const connection of list.splice(0)) connection.destroy();
    }
    this.#resting.clear();
    this.#deadlines.forget(this);
  }
}

/** The last one with this introduction, taken out of the list. */
function takeLast(
  list: BackendConnection[] | undefined,
  introduction: string,
): BackendConnection | undefined {
  if (introduction === "") return list?.pop(); // there all are alike
  const index = list?.findLastIndex((connection) => connection.introduction === introduction) ?? -1;
  return index === -1 ? undefined : list?.splice(index, 1)[0];
}
