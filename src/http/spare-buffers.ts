import { limits } from "../config/limits.ts";

/**
 * Buffers for large pieces that wait to be written, used again and again: a fresh one for each piece
 * makes V8 collect garbage over and over (measured: a fifth of the CPU of 64 KiB answers).
 */
const spare: Buffer[] = [];
/** For pieces that are smaller: what waits for a slow client in large ones would hold many times its length. */
const smallSpare: Buffer[] = [];

/** What one read brings from a backend, and the head that goes before it. */
export const SPARE_BYTES = limits.bufferMaxBytes + limits.headRoomBytes;
/** The same where it comes in records of TLS (RFC 8446 §5.1), or frames of HTTP/2 (RFC 9113 §4.2). */
const SMALL_BYTES = limits.recordBytes + limits.headRoomBytes;

/** A buffer with room for `bytes`, up to {@link SPARE_BYTES}, the caller's until {@link giveBack}. Its content is arbitrary. */
export function borrow(bytes: number): Buffer {
  if (bytes <= SMALL_BYTES) return smallSpare.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
  return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
}

/** Takes a borrowed buffer back; nobody may read or write it any more. */
export function giveBack(buffer: Buffer): void {
  const spares = buffer.length === SMALL_BYTES ? smallSpare : spare;
  if (spares.length < limits.spareBuffersMax) spares.push(buffer);
}
