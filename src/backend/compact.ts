import type { Readable } from "node:stream";

/**
 * Lets what waits in a paused stream of HTTP/2 hold no more memory than it is long. Node gives each stream views of
 * what was read for all of them: a few bytes that wait would keep the 64 KiB they came with.
 */
export function keepCompact(stream: Readable): void {
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) =>
    push(stream.isPaused() && isPart(chunk) ? copyOf(chunk) : chunk, encoding);
}

function isPart(chunk: unknown): chunk is Buffer {
  return Buffer.isBuffer(chunk) && chunk.length < chunk.buffer.byteLength;
}

/** One of its own: what `Buffer.from` makes of few bytes lies in a piece of 64 KiB with others. */
function copyOf(chunk: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  chunk.copy(copy);
  return copy;
}
