/** Compression of answers. Unit in the name, reason beside it; for each worker. */
export const compressLimits = {
  /** Below it a TCP segment is all there is to save. */
  compressMinBytes: 1_024,
  /** Answers compressed at once: further ones go out as they are. Each holds 0.3 (gzip) to 1.1 MiB (br), measured. */
  compressorsMax: 64,
  /** What comes out of a compressor in one piece, at most. */
  compressorChunkBytes: 16_384,
  /** How far back zstd and br look, as a power of two: 256 KiB. With more, each would hold as much more. */
  compressorWindowBits: 18,
  /** Levels where the next one costs half as much CPU again for 1 or 2 % of the size (test/bench/compress.ts). */
  gzipLevel: 5,
  brotliQuality: 4,
  zstdLevel: 1,
} as const;
