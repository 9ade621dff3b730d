/** A message of DNS as bytes (RFC 1035 §4.1): written without compression, read with it. Pure. */

export const TYPE = { SOA: 6, TXT: 16, TSIG: 250 } as const;
/** RFC 2136 §1.3: NONE takes a record away. */
export const CLASS = { IN: 1, NONE: 254, ANY: 255 } as const;

/** A resource record (RFC 1035 §4.1.3). */
export interface WireRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly data: Buffer;
}

/** What is read of an answer to an update. */
export interface WireMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly rcode: number;
  /** The last record of the additional section, where a signature stands, and where it begins. */
  readonly last: (WireRecord & { readonly start: number }) | undefined;
}

export const HEADER_BYTES = 12;
/** Where the number of additional records stands. */
export const ADDITIONAL_COUNT_AT = 10;
const NAME_MAX_BYTES = 255;
/** The two high bits of a length: what follows is the place of the rest (RFC 1035 §4.1.4). */
const POINTER = 0xc0;
const STRING_MAX_BYTES = 255;

/** The name uncompressed, lower case, as signatures want it (RFC 8945 §4.3.3); it must be a good one. */
export function encodeName(name: string): Buffer {
  const labels = name.toLowerCase().split(".").filter(Boolean);
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length]), ascii(label)]));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export function encodeRecord({ name, type, class: kind, ttl, data }: WireRecord): Buffer {
  return Buffer.concat([
    encodeName(name),
    uint16(type),
    uint16(kind),
    uint32(ttl),
    uint16(data.length),
    data,
  ]);
}

/** The data of a TXT record: strings of up to 255 bytes (RFC 1035 §3.3.14). */
export function encodeText(value: string): Buffer {
  const bytes = Buffer.from(value);
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += STRING_MAX_BYTES) {
    const part = bytes.subarray(at, at + STRING_MAX_BYTES);
    parts.push(Buffer.from([part.length]), part);
  }
  return Buffer.concat(parts);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** 48 bits: the seconds of a signature (RFC 8945 §4.2). */
export function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}

/** Reads a message from the network. @throws {RangeError} when it ends early or makes no sense. */
export function readMessage(bytes: Buffer): WireMessage {
  const id = bytes.readUInt16BE(0);
  const flags = bytes.readUInt16BE(2);
  const [questions = 0, ...records] = [4, 6, 8, ADDITIONAL_COUNT_AT].map((at) =>
    bytes.readUInt16BE(at),
  );
  let at = HEADER_BYTES;
  for (let count = 0; count < questions; count += 1) at = readName(bytes, at).end + 4;
  let last: WireMessage["last"];
  for (const [section, amount] of records.entries()) {
    for (let count = 0; count < amount; count += 1) {
      const { record, end } = readRecord(bytes, at);
      if (section === records.length - 1) last = { ...record, start: at };
      at = end;
    }
  }
  if (at !== bytes.length) throw new RangeError("it does not end where it says");
  return {
    id,
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    rcode: flags & 0xf,
    last,
  };
}

/** A name that starts at `at`, and where what follows it starts. */
export function readName(
  bytes: Buffer,
  at: number,
): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let size = 0;
  let place = at;
  let end: number | undefined;
  for (;;) {
    const length = bytes.readUInt8(place);
    if ((length & POINTER) === POINTER) {
      const target = bytes.readUInt16BE(place) & 0x3fff;
      // Only ever backwards: what leads forwards or to itself could lead in circles.
      if (target >= place) throw new RangeError("a name leads forwards");
      end ??= place + 2;
      place = target;
      continue;
    }
    if ((length & POINTER) !== 0) throw new RangeError("a label of an unknown kind");
    place += 1;
    if (length === 0) break;
    size += length + 1;
    if (size > NAME_MAX_BYTES) throw new RangeError("a name is too long");
    if (place + length > bytes.length) throw new RangeError("a name has no end");
    labels.push(bytes.toString("latin1", place, place + length));
    place += length;
  }
  return { name: labels.join(".").toLowerCase(), end: end ?? place };
}

function readRecord(bytes: Buffer, at: number): { record: WireRecord; end: number } {
  const { name, end } = readName(bytes, at);
  const length = bytes.readUInt16BE(end + 8);
  const start = end + 10;
  if (start + length > bytes.length) throw new RangeError("a record has no end");
  const record = {
    name,
    type: bytes.readUInt16BE(end),
    class: bytes.readUInt16BE(end + 2),
    ttl: bytes.readUInt32BE(end + 4),
    data: bytes.subarray(start, start + length),
  };
  return { record, end: start + length };
}

function ascii(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
