import type { Http2Stream } from "node:http2";
import { addAbortSignal } from "node:stream";

const TAKEN_BACK = AbortSignal.abort();

/**
 * Takes a stream back, by RST_STREAM with CANCEL and never END_STREAM, which would make something whole of
 * what was said. Node's `close` sends that first; what is aborted is destroyed without it. It is done behind the events under
 * way: Node writes a RST_STREAM at once, and within a read nghttp2 does not allow that.
 */
export function cancel(stream: Http2Stream): void {
  setImmediate(() => addAbortSignal(TAKEN_BACK, stream));
}
