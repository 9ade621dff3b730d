import { limits } from "./limits.ts";
import { readSize } from "./quantities.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { anyOf, choice, key, mapping, type Output, onOff, someOf, text } from "./schema.ts";

/** A content coding that answers can be given (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export type Coding = "zstd" | "br" | "gzip";

/** Which answers are compressed, and how. */
export interface Compression {
  /** Media types in lower case, with a `*` for any part of the subtype. */
  readonly types: readonly string[];
  /** Answers that say they are smaller go out as they come. */
  readonly minBytes: number;
  /** The one we like best first. */
  readonly codings: readonly Coding[];
}

/** What shrinks. No event streams: each would hold a compressor for hours; who names them gets them. */
const TYPES = [
  "text/*",
  "application/json",
  "application/*+json",
  "application/javascript",
  "application/x-javascript",
  "application/xml",
  "application/*+xml",
  "application/x-ndjson",
  "application/wasm",
  "application/vnd.ms-fontobject",
  "font/ttf",
  "font/otf",
  "image/svg+xml",
  "image/bmp",
  "image/x-icon",
  "image/vnd.microsoft.icon",
] as const;
/** In our order among what a client likes alike: the quickest for its size first. */
const CODINGS = ["zstd", "br", "gzip"] as const;
/** RFC 9110 §8.3.1, with a `*` for any part of the subtype. */
const TYPE = /^[!#$&^_.+A-Za-z0-9-]+\/(?:\*|\*?[!#$&^_.+A-Za-z0-9-]+)$/;

const COMPRESS = "on, off, or a mapping such as { minSize: 1KiB }";

/** `compress` of a host or path. */
export const compressSchema = anyOf(
  [
    onOff,
    mapping(
      {
        types: key(
          "Media types that are compressed; default: texts, JSON, XML, scripts, fonts, svg.",
          someOf(text(readType, "a media type"), "a list such as [text/*, application/json]"),
        ),
        minSize: key(
          "Answers that say they are smaller are not compressed; default 1KiB.",
          text(readSize, "a size such as 1KiB"),
        ),
        algorithms: key(
          "In this order among what a client likes alike; default [zstd, br, gzip].",
          someOf(choice(CODINGS), "a list such as [zstd, gzip]"),
        ),
      },
      COMPRESS,
    ),
  ],
  COMPRESS,
);

export type WrittenCompress = Output<typeof compressSchema>;

/** How answers are compressed; `undefined`: not at all. */
export function readCompress(written: WrittenCompress = false): Compression | undefined {
  if (written === false) return undefined;
  const { types, minSize, algorithms } = written === true ? {} : written;
  return {
    types: types ?? TYPES,
    minBytes: minSize ?? limits.compressMinBytes,
    codings: algorithms ?? CODINGS,
  };
}

function readType(written: string): Reading<string> {
  return TYPE.test(written)
    ? read(written.toLowerCase())
    : wrong("is no media type, wanted one such as text/* or application/json");
}
