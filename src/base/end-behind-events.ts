import type { Http2Session } from "node:http2";

/** What Node ends a session with within nghttp2's own events: for a GOAWAY with an error, and for frames that are none. */
const WITHIN: ReadonlySet<unknown> = new Set(["ERR_HTTP2_SESSION_ERROR", "ERR_HTTP2_ERROR"]);

/**
 * Has what ends `session` by a GOAWAY with an error, or by frames that break the protocol, do so behind the event that
 * tells of it. Node destroys the session and its streams within, where nghttp2 must not be asked to write: of a stream
 * destroyed there it may still ask for trailers, and Node fails an assertion (!is_destroyed()), which ends the process.
 * `ending` is called within: from then on nothing new may begin.
 */
export function endBehindEvents(session: Http2Session, ending: (cause: Error) => void): void {
  const destroy = session.destroy.bind(session);
  let isEnding = false;
  session.destroy = (cause, code) => {
    if (session.destroyed || !(cause instanceof Error && "code" in cause && WITHIN.has(cause.code)))
      return destroy(cause, code);
    if (isEnding) return;
    isEnding = true;
    ending(cause);
    setImmediate(() => destroy(cause, code));
  };
}
