/** It would complete what is cut in it: a head, the size of a chunk, a chunk, trailers. */
const STALE = "0\r\n\r\n0\r\nX-Other: theirs\r\n\r\n0\r\n\r\n";

/**
 * A piece as it lies in a buffer that everybody's bytes are read into, one after the other: behind it stands what
 * somebody else said before. The piece is all before that.
 */
export function lentPiece(piece: string): Buffer {
  return Buffer.from(piece + STALE, "latin1");
}
