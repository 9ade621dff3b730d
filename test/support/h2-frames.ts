import { connect, type Socket } from "node:net";
import { type Duplex, finished } from "node:stream";

/** RFC 9113 §6, and numbers that it does not define. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  unknown: 0xbb,
} as const;

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

/** RFC 9113 §7. */
export const CODE: Readonly<Record<number, string>> = {
  0: "NO_ERROR",
  1: "PROTOCOL_ERROR",
  2: "INTERNAL_ERROR",
  3: "FLOW_CONTROL_ERROR",
  5: "STREAM_CLOSED",
  6: "FRAME_SIZE_ERROR",
  7: "REFUSED_STREAM",
  8: "CANCEL",
  9: "COMPRESSION_ERROR",
  10: "CONNECT_ERROR",
  11: "ENHANCE_YOUR_CALM",
};

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const HEAD_BYTES = 9;
const MAX_STREAM = 0x7fffffff;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The bytes of a frame, whatever it says. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | string = "",
) {
  const body = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** A number of 32 bits, as payloads have them. */
export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** SETTINGS with these identifiers and values. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const entries = pairs.map(([id, value]) =>
    Buffer.concat([Buffer.from([id >> 8, id & 255]), u32(value)]),
  );
  return frame(FRAME.settings, 0, 0, Buffer.concat(entries));
}

/** A field section in literals, without Huffman code and without the dynamic table (RFC 7541 §6.2.2). */
export function fieldBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]),
  );
}

function literal(text: string): Buffer {
  return Buffer.concat([integer(text.length), Buffer.from(text, "latin1")]);
}

/** RFC 7541 §5.1 with a prefix of seven bits. */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let left = value - 127;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

/** The fields of a request, with these instead of, or beside, those of a plain GET. */
export function request(
  changes: Readonly<Record<string, string | undefined>> = {},
): readonly (readonly [string, string])[] {
  const fields = {
    ":method": "GET",
    ":scheme": "https",
    ":authority": "shop.example",
    ":path": "/",
    ...changes,
  };
  return Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
}

/** HEADERS in one frame. */
export function headers(
  stream: number,
  fields: readonly (readonly [string, string])[] = request(),
  flags: number = FLAG.endStream | FLAG.endHeaders,
): Buffer {
  return frame(FRAME.headers, flags, stream, fieldBlock(fields));
}

/** A client of HTTP/2 that writes frames by hand and keeps every frame that comes. */
export class FrameClient implements Disposable {
  readonly socket: Duplex;
  readonly frames: Frame[] = [];
  isClosed = false;
  /** PINGs of the other side that were answered. */
  #answered = 0;
  #rest: Buffer = Buffer.alloc(0);
  readonly #waiting: (() => void)[] = [];

  /** Connects to a plain socket and says the preface and SETTINGS; the encoder of the other side gets no table. */
  static async connect(port: number, first: Buffer = settings([1, 0])): Promise<FrameClient> {
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await new Promise((resolve) => socket.once("connect", resolve));
    return new FrameClient(socket, first);
  }

  /** Takes a connected socket over. */
  constructor(socket: Duplex, first: Buffer = settings([1, 0]), preface: Buffer = PREFACE) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    finished(socket, { writable: false }, () => {
      this.isClosed = true;
      this.#wake();
    });
    socket.write(Buffer.concat([preface, first]));
  }

  say(...frames: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames));
  }

  /** Waits until what came satisfies `isEnough`, or the connection is closed. */
  async until(isEnough: (client: FrameClient) => boolean): Promise<void> {
    while (!isEnough(this) && !this.isClosed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Waits for the connection to end. */
  closed(): Promise<void> {
    return this.until(() => false);
  }

  /** Answers the PINGs of the other side that have come, as every client has to, and waits until that was read. */
  async answerPing(): Promise<void> {
    await this.#ping();
    const asked = this.of(FRAME.ping).filter(({ flags }) => flags === 0);
    for (const { payload } of asked.slice(this.#answered))
      this.say(frame(FRAME.ping, FLAG.ack, 0, payload));
    this.#answered = asked.length;
    await this.#ping();
  }

  /** A PING of ours, and its answer. */
  async #ping(): Promise<void> {
    const answers = () => this.of(FRAME.ping).filter(({ flags }) => flags === FLAG.ack).length;
    const before = answers();
    this.say(frame(FRAME.ping, 0, 0, "12345678"));
    await this.until(() => answers() > before);
  }

  /** The frames of this kind, of one stream if it is named. */
  of(type: number, stream?: number): readonly Frame[] {
    return framesOf(this.frames, type, stream);
  }

  /** The status that a stream was answered with; 0 without an answer. */
  status(stream: number): number {
    const [head] = this.of(FRAME.headers, stream);
    return head === undefined ? 0 : readStatus(head.payload);
  }

  /** Has the other side said anything on this stream? */
  has(stream: number): boolean {
    return this.frames.some((each) => each.stream === stream);
  }

  /** Did END_STREAM come on this stream? */
  hasEnd(stream: number): boolean {
    return hasEnd(this.frames, stream);
  }

  /** The name of the code that a stream was reset with. */
  resetCode(stream: number): string | undefined {
    const [reset] = this.of(FRAME.reset, stream);
    return reset && codeName(reset.payload.readUInt32BE(0));
  }

  /** The name of the code of the last GOAWAY. */
  get goawayCode(): string | undefined {
    const goaway = this.of(FRAME.goaway).at(-1);
    return goaway && codeName(goaway.payload.readUInt32BE(4));
  }

  /** The last stream that the first GOAWAY lets through. */
  get goawayLast(): number | undefined {
    const [goaway] = this.of(FRAME.goaway);
    return goaway && goaway.payload.readUInt32BE(0) & MAX_STREAM;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#rest = takeFrames(Buffer.concat([this.#rest, bytes]), this.frames);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Those of this kind, of one stream if it is named. */
export function framesOf(frames: readonly Frame[], type: number, stream?: number): Frame[] {
  return frames.filter(
    (each) => each.type === type && (stream === undefined || each.stream === stream),
  );
}

/** What came as content on this stream, as latin1. */
export function contentIn(frames: readonly Frame[], stream: number): string {
  return framesOf(frames, FRAME.data, stream)
    .map(({ payload }) => payload.toString("latin1"))
    .join("");
}

/** Did END_STREAM come on this stream? */
export function hasEnd(frames: readonly Frame[], stream: number): boolean {
  return [FRAME.data, FRAME.headers]
    .flatMap((type) => framesOf(frames, type, stream))
    .some(({ flags }) => (flags & FLAG.endStream) !== 0);
}

/** Reads every whole frame of `bytes` into `frames`; returns the beginning of the next one. */
export function takeFrames(bytes: Buffer, frames: Frame[]): Buffer {
  let rest = bytes;
  for (;;) {
    const length = rest.length < HEAD_BYTES ? undefined : rest.readUIntBE(0, 3);
    if (length === undefined || rest.length < HEAD_BYTES + length) return rest;
    frames.push({
      type: rest[3] ?? 0,
      flags: rest[4] ?? 0,
      stream: rest.readUInt32BE(5) & MAX_STREAM,
      payload: rest.subarray(HEAD_BYTES, HEAD_BYTES + length),
    });
    rest = rest.subarray(HEAD_BYTES + length);
  }
}

function codeName(code: number): string {
  return CODE[code] ?? `${code}`;
}

/** RFC 7541 appendix A: statuses that have an index of their own. */
const INDEXED_STATUS: readonly number[] = [200, 204, 206, 304, 400, 404, 500];
const FIRST_STATUS_INDEX = 8;

/** `:status`, which comes first; the other side has no dynamic table, so it is indexed or a literal. */
function readStatus(block: Buffer): number {
  let at = 0;
  while (((block[at] ?? 0) & 0xe0) === 0x20) at += 1; // the size of the table
  const first = block[at] ?? 0;
  if (first >= 128) return INDEXED_STATUS[first - 128 - FIRST_STATUS_INDEX] ?? 0;
  const length = block[at + 1] ?? 0;
  const value = block.subarray(at + 2, at + 2 + (length & 127));
  return Number(length < 128 ? value.toString("latin1") : huffmanDigits(value));
}

/** RFC 7541 appendix B, the digits: 0, 1 and 2 have five bits, the others six. */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  let digits = "";
  while (digits.length < 3) {
    const short = Number.parseInt(bits.slice(0, 5), 2);
    const isShort = short <= 2;
    digits += isShort ? short : Number.parseInt(bits.slice(0, 6), 2) - 22;
    bits = bits.slice(isShort ? 5 : 6);
  }
  return digits;
}
