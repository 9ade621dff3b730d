/** The polynomial of Castagnoli, bits reversed (RFC 9260 Appendix A). */
const POLYNOMIAL = 0x82f63b78;
const BYTE_VALUES = 256;

const TABLE = Uint32Array.from({ length: BYTE_VALUES }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1)
    remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
  return remainder;
});

/** CRC32c of `bytes`; `node:zlib` knows the other CRC32 only. */
export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffff_ffff;
  for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
  return (sum ^ 0xffff_ffff) >>> 0;
}
