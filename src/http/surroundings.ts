import type { Facts } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import type { Forward, PathEntry, Redirect, Respond } from "../config/destination.ts";
import type { Backends } from "./backends.ts";
import type { Compressors } from "./compressor.ts";
import type { Policy } from "./policy.ts";
import type { RateLimiter } from "./rate-limiter.ts";

/** What all connections of one relay share. */
export interface Surroundings extends Backends {
  findRoute(host: UriHost): Host | undefined;
  isTrustedProxy(address: string): boolean;
  /** What is asked before anything is done with a request; none is the common case. */
  policiesOf(place: Place): readonly Policy[];
  readonly compressors: Compressors;
  /** Requests of HTTP/2 that clients took back. */
  readonly takenBack: RateLimiter;
  /** Milliseconds since the epoch. */
  dateNow(): number;
  /** The port that clients reach https at. */
  readonly publicHttpsPort: number;
  readonly access: ((facts: Facts) => void) | undefined;
  /** Tells of a client that is sent away without an answer: `code`, `host`, `client`. */
  refused(facts: Facts): void;
  readonly tellsQuery: boolean;
  /** Is every connection to be closed after its current answer? */
  readonly isDraining: boolean;
  /** May connections stay open after an answer? Not while the worker is overloaded. */
  readonly keepsAlive: boolean;
  /** Why connections are closed now by ourselves, not by their clients. */
  readonly blamed: string | undefined;
}

/** What is done with a request, and what holds for it: by its path, or for the whole host. */
export type Place = PathEntry | Redirect | Respond;

/** What a route can do with a request. */
export type HttpAction = Forward | Redirect | Respond;
