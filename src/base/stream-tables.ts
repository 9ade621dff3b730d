import type { Http2Session } from "node:http2";
import { types } from "node:util";
import { internalPlace } from "./internal-place.ts";

/** Before a table is full that was made for no more than are there. With 2 and with 8 it came to the same. */
const RENEW_EVERY = 16;

/**
 * The tables in which Node keeps the streams of an HTTP/2 session, a `Map` and a `Set` to which each stream comes and from
 * which it goes. V8 gives them a new one for every few that come, and an outgrown one leads to the next: once one is old,
 * all streams from then on stay alive until the next full collection, with all that hangs on them (see `Crowd`, which is
 * for tables of ours). A copy is what nothing leads to, so these are exchanged for copies again and again. Measured:
 * a third of what HTTP/2 costs (`npm run bench -- --only http2`), when it happened, and it mostly did.
 */
export class StreamTables {
  readonly #session: Http2Session;
  #came = 0;

  constructor(session: Http2Session) {
    this.#session = session;
  }

  /**
   * One more stream has come. Not to be called from within Node's own work on the session, which may be going through
   * them.
   *
   * @returns Whether they were exchanged now; never where Node keeps its streams elsewhere, which is dearer and no fault.
   */
  count(): boolean {
    this.#came += 1;
    return this.#came % RENEW_EVERY === 0 && renewTables(this.#session);
  }
}

/** Where sessions keep what they know: the same in all of them. */
let statePlace: symbol | undefined;

function renewTables(session: Http2Session): boolean {
  statePlace ??= internalPlace(session, "state");
  const state: unknown = statePlace && Reflect.get(session, statePlace);
  if (typeof state !== "object" || state === null) return false;
  if (!("streams" in state && "pendingStreams" in state)) return false;
  const { streams, pendingStreams } = state;
  if (!types.isMap(streams) || !types.isSet(pendingStreams)) return false;
  state.streams = new Map(streams);
  state.pendingStreams = new Set(pendingStreams);
  return true;
}
