import {
  type BrotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
  type ZstdCompress,
} from "node:zlib";
import { unreachable } from "../base/errors.ts";
import type { Coding } from "../config/compress.ts";
import { limits } from "../config/limits.ts";

/** Who gets what comes out of a compressor. Exactly one of the last two is called, and then nothing. */
export interface CompressorOwner {
  /** The bytes are the owner's. `false`: give no more until {@link Compressor.resume}. */
  compressed(bytes: Buffer): boolean;
  /** It takes more again. */
  compressorDrained(): void;
  /** All has come out. */
  compressorEnded(): void;
  compressorFailed(cause: Error): void;
}

/** The compressors of a worker: so many at once, since each has memory of its own. */
export class Compressors {
  #open = 0;

  /** How many are at work. */
  get open(): number {
    return this.#open;
  }

  get hasRoom(): boolean {
    return this.#open < limits.compressorsMax;
  }

  /** One more, whether there is room or not. */
  start(coding: Coding, owner: CompressorOwner): Compressor {
    this.#open += 1;
    return new Compressor(coding, owner, () => {
      this.#open -= 1;
    });
  }
}

/**
 * Compresses the content of one answer in another thread. Whenever it has worked off all that came, it
 * lets go of what it holds back, so that a slow backend's bytes do not wait for the next ones.
 */
class Compressor {
  readonly #stream: Gzip | BrotliCompress | ZstdCompress;
  readonly #flushKind: number;
  #isEnding = false;
  #isOver = false;

  /** `closed` is called once, when its memory is given back. */
  constructor(coding: Coding, owner: CompressorOwner, closed: () => void) {
    this.#stream = streamOf(coding);
    this.#flushKind = flushKindOf(coding);
    this.#stream.on("data", (bytes: Buffer) => {
      if (!this.#isOver && !owner.compressed(bytes)) this.#stream.pause();
    });
    this.#stream.on("drain", () => {
      if (!this.#isOver) owner.compressorDrained();
    });
    this.#stream.on("end", () => {
      if (this.#isOver) return;
      this.#isOver = true;
      owner.compressorEnded();
    });
    this.#stream.on("error", (cause) => {
      if (this.#isOver) return;
      this.#isOver = true;
      owner.compressorFailed(cause);
    });
    this.#stream.on("close", closed);
  }

  /** May more be written? If not, its owner hears `compressorDrained`. */
  get takesMore(): boolean {
    return !this.#stream.writableNeedDrain;
  }

  /** The bytes are the compressor's from now on. */
  write(bytes: Buffer): void {
    this.#stream.write(bytes, () => this.#letGo());
  }

  /** Nothing more will be written. */
  end(): void {
    this.#isEnding = true;
    this.#stream.end();
  }

  /** The owner takes bytes again. */
  resume(): void {
    this.#stream.resume();
  }

  /** Nobody wants the rest; the owner hears nothing more. */
  destroy(): void {
    this.#isOver = true;
    this.#stream.destroy();
  }

  #letGo(): void {
    if (this.#isOver || this.#isEnding || this.#stream.writableLength > 0) return;
    this.#stream.flush(this.#flushKind);
  }
}

export type { Compressor };

/** Levels where a little more size would cost much more CPU; windows that keep the memory of each small. */
function streamOf(coding: Coding): Gzip | BrotliCompress | ZstdCompress {
  const chunkSize = limits.compressorChunkBytes;
  switch (coding) {
    case "gzip":
      return createGzip({ chunkSize, level: limits.gzipLevel });
    case "br":
      return createBrotliCompress({
        chunkSize,
        params: {
          [constants.BROTLI_PARAM_QUALITY]: limits.brotliQuality,
          [constants.BROTLI_PARAM_LGWIN]: limits.compressorWindowBits,
        },
      });
    case "zstd":
      return createZstdCompress({
        chunkSize,
        params: {
          [constants.ZSTD_c_compressionLevel]: limits.zstdLevel,
          [constants.ZSTD_c_windowLog]: limits.compressorWindowBits,
        },
      });
    default:
      return unreachable(coding);
  }
}

/** What brings everything out without forgetting what was seen. */
function flushKindOf(coding: Coding): number {
  switch (coding) {
    case "gzip":
      return constants.Z_SYNC_FLUSH;
    case "br":
      return constants.BROTLI_OPERATION_FLUSH;
    case "zstd":
      return constants.ZSTD_e_flush;
    default:
      return unreachable(coding);
  }
}
