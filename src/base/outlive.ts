import type { Http2Session, Http2Stream } from "node:http2";
import { internalPlace } from "./internal-place.ts";

/** What is kept for as long as something else is there: nothing is done when that goes. */
const keeping = new FinalizationRegistry<object>(() => undefined);
/** Where sessions and streams keep Node's own object: the same in all of them. */
let handlePlace: symbol | undefined;

/**
 * Has `session` outlive a `stream` that begins now, for the garbage collector. Fields that came and were never told (those
 * before one that is malformed, or before a cut) are the stream's, in memory that its session counts. A stream that is
 * destroyed while something of it is being written is left to the collector, and if that takes the session first, it finds
 * that memory not given back: Node fails an assertion (current_nghttp2_memory_ == 0), which ends the process.
 */
export function outlive(session: Http2Session, stream: Http2Stream): void {
  const kept = handleOf(session);
  // Node's object of a stream may stay longer than the stream, for as long as something of it is being written.
  const last = handleOf(stream) ?? stream;
  if (kept === undefined) return;
  stream.on("close", () => {
    // One that ended well has told all its fields.
    if (stream.rstCode !== 0 || session.destroyed) keeping.register(last, kept);
  });
}

function handleOf(owner: Http2Session | Http2Stream): object | undefined {
  handlePlace ??= internalPlace(owner, "kHandle");
  const handle: unknown = handlePlace && Reflect.get(owner, handlePlace);
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
