import { Balancer } from "../backend/balance.ts";
import { Deadlines } from "../backend/deadlines.ts";
import { BackendPool } from "../backend/pool.ts";
import type { Clock } from "../base/clock.ts";
import type { Facts } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host, PathRoute } from "../config/config.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Compressors } from "./compressor.ts";
import { Conversation } from "./conversation.ts";
import { Policies } from "./policies.ts";
import type { Policy } from "./policy.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";

/** What the relay needs of its worker. */
export interface RelayServices {
  readonly log: Log;
  readonly clock: Clock;
  /** The route of a name; the same object for every name of the same route. */
  findRoute(host: UriHost): Host | undefined;
  /** Is this peer's X-Forwarded-For believed? */
  isTrustedProxy(address: string): boolean;
  /** The policies of a path, made once; see `policy.ts`. By default there are none. */
  policiesOf?(path: PathRoute): readonly Policy[];
  /** The port that clients reach https at. */
  readonly publicHttpsPort: number;
  /** Hears of every request that has ended; `undefined` costs nothing. */
  readonly access: ((facts: Facts) => void) | undefined;
}

/**
 * Relays HTTP/1.1 from client connections to backends. Reading order of this folder: `conversation.ts`
 * ★ (one connection: read head → admit → visit → keep or close), `visit.ts` (one request: choose →
 * forward → answer), `exchange.ts` (its backend's side); `head.ts`, `admit.ts`, `answer.ts` and
 * `body.ts` are the pure parts, which decide everything.
 */
export class Relay {
  readonly #around: Surroundings & { isDraining: boolean };
  readonly #conversations = new Set<Conversation>();

  constructor(services: RelayServices) {
    const deadlines = new Deadlines();
    const pool = new BackendPool(deadlines);
    const balancer = new Balancer(deadlines);
    const backends = { deadlines, pool, balancer, log: services.log };
    const policies = new Policies(backends, () => services.clock.now());
    this.#around = {
      ...backends,
      compressors: new Compressors(),
      access: services.access,
      publicHttpsPort: services.publicHttpsPort,
      findRoute: (host) => services.findRoute(host),
      isTrustedProxy: (address) => services.isTrustedProxy(address),
      policiesOf: services.policiesOf ?? ((path) => policies.of(path)),
      dateNow: () => services.clock.now(),
      isDraining: false,
    };
  }

  /** How many client connections are open. */
  get open(): number {
    return this.#conversations.size;
  }

  /** Takes over the connection and its socket: every path from here on ends with that socket closed. */
  serve(connection: ClientConnection): void {
    const action = httpAction(connection.route);
    if (connection.socket.destroyed) return;
    const conversation = new Conversation(connection, action, this.#around, (ended) => {
      this.#conversations.delete(ended);
      if (this.#around.isDraining && this.open === 0) this.#around.pool.close();
    });
    this.#conversations.add(conversation);
    if (this.#around.isDraining) conversation.drain();
  }

  /** Closes idle connections now and every other one after its current answer, which says so. */
  drain(): void {
    this.#around.isDraining = true;
    for (const conversation of this.#conversations) conversation.drain();
    if (this.open === 0) this.#around.pool.close();
  }

  /** Closes everything at once. */
  close(): void {
    this.#around.isDraining = true;
    for (const conversation of this.#conversations) conversation.destroy();
    this.#around.pool.close();
  }
}

/** @throws {TypeError} when the route is of a kind that never reaches HTTP: the caller mistook it. */
function httpAction({ action }: Host): HttpAction {
  if (action.kind !== "forward" && action.kind !== "redirect" && action.kind !== "respond")
    throw new TypeError(`Cannot relay HTTP: the route is for ${action.kind}`);
  return action;
}
