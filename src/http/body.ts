import { unreachable } from "../base/errors.ts";
import { limits } from "../config/limits.ts";
import { Fields, scanFields } from "./fields.ts";

/** How the body that is read ends; `close`: with the connection (answers only, RFC 9112 §6.3). */
export type BodyEnd = "none" | "length" | "chunked" | "close";

/** `more`: the body goes on; `done`: it has ended; `fault`: its framing is broken, see `why`. */
export type BodyState = "more" | "done" | "fault";

type Place = "size" | "data" | "after-data" | "trailers";

/** RFC 9112 §7.1, with extensions only as the grammar has them: some parsers skip them up to a bare LF. */
const SIZE_LINE =
  /^([0-9A-Fa-f]{1,13})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)*\r\n$/;
/** So many hexadecimal digits stay below 2^53. */
const SIZE_DIGITS_MAX = 13;
const CR = 13;
const LF = 10;

/**
 * Takes the framing off a body, piece by piece, whichever way it was cut. One reader serves many
 * messages, one after the other.
 */
export class BodyReader {
  /** The content found by the last {@link read}: `bytes[dataStart..dataEnd)`. */
  dataStart = 0;
  dataEnd = 0;
  /** Where the last {@link read} stopped: bytes from here on are not the body's, when it is `done`. */
  next = 0;
  /** The trailer section as it was written, without its empty line; once `done`. */
  trailers: Fields | undefined;
  why = "";
  #end: BodyEnd = "none";
  #place: Place = "size";
  /** Bytes of content still to come: of the whole body, or of the chunk. */
  #left = 0;
  /** A line, or the trailer section, that has come in part. */
  #text = "";

  /** Starts on another body. `length` matters with `length` only. */
  begin(end: BodyEnd, length: number): void {
    this.#end = end;
    this.#place = "size";
    this.#left = end === "length" ? length : 0;
    this.#text = "";
    this.trailers = undefined;
    this.why = "";
  }

  /** Does the body end only with the connection? */
  get endsWithConnection(): boolean {
    return this.#end === "close";
  }

  /**
   * Reads `bytes[start..end)` and sets `dataStart`, `dataEnd` and `next`. The content of several
   * chunks is moved together within `bytes`, so that it is one run.
   */
  read(bytes: Buffer, start: number, end: number): BodyState {
    this.dataStart = start;
    this.dataEnd = start;
    this.next = start;
    switch (this.#end) {
      case "none":
        return "done";
      case "close":
        this.dataEnd = end;
        this.next = end;
        return "more";
      case "length":
        this.dataEnd = start + Math.min(this.#left, end - start);
        this.next = this.dataEnd;
        this.#left -= this.dataEnd - start;
        return this.#left === 0 ? "done" : "more";
      case "chunked":
        return this.#readChunks(bytes, end);
      default:
        return unreachable(this.#end);
    }
  }

  #readChunks(bytes: Buffer, end: number): BodyState {
    while (this.next < end) {
      const state = this.#readPlace(bytes, end);
      if (state !== "more") return state;
    }
    return "more";
  }

  #readPlace(bytes: Buffer, end: number): BodyState {
    switch (this.#place) {
      case "size":
        return this.#readSize(bytes, end);
      case "data":
        return this.#readData(bytes, end);
      case "after-data":
        return this.#readAfterData(bytes);
      case "trailers":
        return this.#readTrailers(bytes, end);
      default:
        return unreachable(this.#place);
    }
  }

  #readSize(bytes: Buffer, end: number): BodyState {
    const lineEnd = bytes.indexOf(LF, this.next) + 1;
    const isWhole = lineEnd > 0 && lineEnd <= end;
    const stop = isWhole ? lineEnd : end;
    if (this.#text.length + stop - this.next > limits.chunkLineMaxBytes)
      return this.#fault("a chunk-size line is too long");
    this.#text += bytes.toString("latin1", this.next, stop);
    this.next = stop;
    if (!isWhole) return "more";
    const size = readSizeLine(this.#text);
    if (size === undefined) return this.#fault("a chunk-size line is malformed");
    this.#text = "";
    this.#left = size;
    this.#place = size === 0 ? "trailers" : "data";
    return "more";
  }

  #readData(bytes: Buffer, end: number): BodyState {
    const length = Math.min(this.#left, end - this.next);
    if (this.dataEnd === this.dataStart) {
      this.dataStart = this.next;
      this.dataEnd = this.next + length;
    } else {
      bytes.copyWithin(this.dataEnd, this.next, this.next + length);
      this.dataEnd += length;
    }
    this.next += length;
    this.#left -= length;
    if (this.#left === 0) this.#place = "after-data";
    return "more";
  }

  /** The CRLF after a chunk; `#left` counts it from 0 down to -2. */
  #readAfterData(bytes: Buffer): BodyState {
    const expected = this.#left === 0 ? CR : LF;
    if (bytes[this.next] !== expected) return this.#fault("a chunk is not as long as it says");
    this.next += 1;
    this.#left -= 1;
    if (this.#left === -2) this.#place = "size";
    return "more";
  }

  #readTrailers(bytes: Buffer, end: number): BodyState {
    const before = this.#text.length;
    const room = limits.trailersMaxBytes - before;
    const piece = bytes.toString("latin1", this.next, Math.min(end, this.next + room));
    this.#text += piece;
    const fields = new Fields(this.#text);
    const read = scanFields(this.#text, 0, fields);
    if (typeof read === "object") return this.#fault(`in the trailers, ${read.why}`);
    if (read === "partial") {
      if (piece.length === room) return this.#fault("the trailers are too long");
      this.next = end;
      return "more";
    }
    this.next += read - before;
    this.trailers = fields;
    return "done";
  }

  #fault(why: string): BodyState {
    this.why = why;
    return "fault";
  }
}

/** Digits alone are nearly every size line; they need no regular expression. */
function readSizeLine(line: string): number | undefined {
  const digits = line.length - 2;
  if (digits < 1) return undefined;
  let size = 0;
  for (let at = 0; at < digits; at += 1) {
    const digit = hexDigit(line.charCodeAt(at));
    if (digit < 0 || digits > SIZE_DIGITS_MAX) {
      const match = SIZE_LINE.exec(line);
      return match === null ? undefined : Number.parseInt(match[1] ?? "", 16);
    }
    size = size * 16 + digit;
  }
  return line.charCodeAt(digits) === CR ? size : undefined;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** What stands before a chunk of `length` bytes; {@link CHUNK_END} stands after it. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export const CHUNK_END = "\r\n";

/** The end of a chunked body. `trailers`: field lines, each with its CRLF, or nothing. */
export function lastChunk(trailers: string): string {
  return `0\r\n${trailers}\r\n`;
}
