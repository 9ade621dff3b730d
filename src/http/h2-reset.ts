import { constants, type ServerHttp2Stream } from "node:http2";
import { cancel } from "../backend/cancel.ts";

/**
 * Ends a client's stream in the middle by RST_STREAM, and never by END_STREAM, which would make something whole of
 * the answer (RFC 9113 §8.1). `code`: what its backend took the answer back with, if it did. CANCEL and
 * ENHANCE_YOUR_CALM mean the same to whoever is behind us, and clients of gRPC tell them apart; any other code is about
 * the backend's connection with us, or would say that nothing was done, and becomes INTERNAL_ERROR. Like {@link cancel} it
 * does so behind the events under way.
 */
export function resetStream(stream: ServerHttp2Stream, code: number | undefined): void {
  if (code === constants.NGHTTP2_CANCEL) cancel(stream);
  else if (code === constants.NGHTTP2_ENHANCE_YOUR_CALM) {
    setImmediate(() => {
      // Node's `close` sends END_STREAM first where no trailers are waited for: they are, of whatever comes over HTTP/2.
      stream.close(code);
      // Else it waits for its end while Node still asks it for trailers, and destroyed by then it fails an assertion of Node's.
      stream.destroy();
    });
  } else setImmediate(() => stream.destroy(new Error("the answer cannot be completed")));
}
