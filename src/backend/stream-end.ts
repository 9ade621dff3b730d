import type { ClientHttp2Stream } from "node:http2";

/**
 * Watches `stream` for the END_STREAM of its answer: the function returned says whether it has come. Node
 * ends the readable side in the same way when the stream is reset with NO_ERROR (RFC 9113 §8.1) or the
 * session is over, but then it has marked the stream as closed before. To be called as soon as there is
 * a stream.
 */
export function watchEnd(stream: ClientHttp2Stream): () => boolean {
  const push = stream.push.bind(stream);
  let hasEnded = false;
  stream.push = (chunk, encoding) => {
    if (chunk === null && !stream.closed) hasEnded = true;
    return push(chunk, encoding);
  };
  return () => hasEnded;
}
