import { limits } from "../config/limits.ts";

/**
 * Buffers for large pieces that wait to be written, used again and again: a fresh one for each piece
 * makes V8 collect garbage over and over (measured: a fifth of the CPU of 64 KiB answers).
 */
const spare: Buffer[] = [];

/** A buffer of `limits.bufferMaxBytes`, the caller's until {@link giveBack}. Its content is arbitrary. */
export function borrow(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(limits.bufferMaxBytes);
}

/** Takes a borrowed buffer back; nobody may read or write it any more. */
export function giveBack(buffer: Buffer): void {
  if (spare.length < limits.spareBuffersMax) spare.push(buffer);
}
