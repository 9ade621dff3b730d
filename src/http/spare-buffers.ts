import { limits } from "../config/limits.ts";

/**
 * Buffers for large pieces that wait to be written, used again and again: a fresh one for each piece
 * makes V8 collect garbage over and over (measured: a fifth of the CPU of 64 KiB answers).
 */
const spare: Buffer[] = [];

/** What one read brings from a backend, and the head that goes before it. */
export const SPARE_BYTES = limits.bufferMaxBytes + limits.headRoomBytes;

/** A buffer of {@link SPARE_BYTES}, the caller's until {@link giveBack}. Its content is arbitrary. */
export function borrow(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
}

/** Takes a borrowed buffer back; nobody may read or write it any more. */
export function giveBack(buffer: Buffer): void {
  if (spare.length < limits.spareBuffersMax) spare.push(buffer);
}
