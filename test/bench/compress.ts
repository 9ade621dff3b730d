/**
 * What each coding costs at some levels: memory of one compressor, size, CPU. `node test/bench/compress.ts`.
 * Levels and windows in src/config/compress-limits.ts are chosen by it.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  type Gzip,
} from "node:zlib";
import { limits } from "../../src/config/limits.ts";

const COMPRESSORS = limits.compressorsMax;
const PIECE_BYTES = limits.bufferMaxBytes;
const MIB = 1_048_576;
const chunkSize = limits.compressorChunkBytes;
const window = limits.compressorWindowBits;

/** Rows of a table as an API gives them: 400 KiB. */
const content = Buffer.from(
  JSON.stringify(
    Array.from({ length: 4_000 }, (_, index) => ({
      id: index,
      name: `user ${(index * 7_919) % 4_000}`,
      mail: `u${(index * 31) % 997}@shop.example`,
      isActive: index % 3 === 0,
      price: ((index * 37) % 1_000) / 100,
    })),
  ),
);

const levels: Readonly<Record<string, () => Gzip>> = {};
for (const level of [1, 4, 5, 6])
  Object.assign(levels, { [`gzip ${level}`]: () => createGzip({ chunkSize, level }) });
for (const quality of [3, 4, 5]) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: window,
  };
  Object.assign(levels, { [`br ${quality}`]: () => createBrotliCompress({ chunkSize, params }) });
}
for (const level of [1, 3, 5]) {
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: window,
  };
  Object.assign(levels, { [`zstd ${level}`]: () => createZstdCompress({ chunkSize, params }) });
}

const [, file = "", only] = process.argv;
if (only === undefined) {
  // Each in a process of its own: memory that is given back to malloc stays with the process.
  for (const name of Object.keys(levels))
    execFileSync(process.execPath, ["--expose-gc", file, name], { stdio: "inherit" });
} else {
  const make = levels[only];
  if (make !== undefined) await measure(only, make);
}

async function measure(name: string, make: () => Gzip): Promise<void> {
  await finish(make()); // once, so that what all share is there
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const cpu = process.cpuUsage();
  const open: Gzip[] = [];
  let bytes = 0;
  for (let count = 0; count < COMPRESSORS; count += 1) {
    const compressor = make().on("data", (piece: Buffer) => {
      bytes += piece.length;
    });
    open.push(compressor);
    for (let at = 0; at < content.length; at += PIECE_BYTES)
      await new Promise((done) => compressor.write(content.subarray(at, at + PIECE_BYTES), done));
  }
  const { user, system } = process.cpuUsage(cpu);
  globalThis.gc?.();
  const memory = (process.memoryUsage.rss() - before) / COMPRESSORS / 1_024;
  await Promise.all(open.map(finish));
  const input = COMPRESSORS * content.length;
  const milliseconds = (user + system) / 1_000 / (input / MIB);
  process.stdout.write(
    `${name}: ${memory.toFixed(0)} KiB each, ${((100 * bytes) / input).toFixed(1)} % of the size, ${milliseconds.toFixed(1)} ms CPU per MiB\n`,
  );
}

async function finish(compressor: Gzip): Promise<void> {
  compressor.resume().end();
  await once(compressor, "end");
}
