import { readFileSync } from "node:fs";

/** The name in every captured hello. */
export const CAPTURED_NAME = "shop.example";

/** ClientHellos of real clients by the client's name; see capture-hellos.ts. */
export const capturedHellos: ReadonlyMap<string, Buffer> = new Map(
  Object.entries(
    JSON.parse(readFileSync(new URL("hello-bytes.json", import.meta.url), "utf8")) as Record<
      string,
      string
    >,
  ).map(([client, base64]) => [client, Buffer.from(base64, "base64")]),
);

/** A hello with every part in the caller's hands; what is left out is as a modern client sends it. */
export interface HelloParts {
  readonly random?: Buffer;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: Buffer;
  readonly compressions?: Buffer;
  /** The content of the extensions block; `undefined` leaves the whole block out. */
  readonly extensions?: readonly Buffer[] | undefined;
}

/** The handshake message (RFC 8446 §4.1.2), without records. */
export function makeHello(parts: HelloParts = {}): Buffer {
  const extensions = "extensions" in parts ? parts.extensions : [serverName("shop.example")];
  const body = Buffer.concat([
    Buffer.of(3, 3),
    parts.random ?? Buffer.alloc(32, 7),
    vector(1, parts.sessionId ?? Buffer.alloc(32, 9)),
    vector(2, parts.cipherSuites ?? Buffer.of(0x13, 0x01, 0xc0, 0x2b)),
    vector(1, parts.compressions ?? Buffer.of(0)),
    ...(extensions === undefined ? [] : [vector(2, Buffer.concat(extensions))]),
  ]);
  return Buffer.concat([Buffer.of(1), vector(3, body)]);
}

/** An extension by its number. */
export function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([number(2, type), vector(2, body)]);
}

/** server_name with these host names; one, in a hello that is meant to be read. */
export function serverName(...names: readonly (string | Buffer)[]): Buffer {
  const entries = names.map((name) => [
    Buffer.of(0),
    vector(2, typeof name === "string" ? Buffer.from(name, "latin1") : name),
  ]);
  return extension(0, vector(2, Buffer.concat(entries.flat())));
}

/** application_layer_protocol_negotiation with these protocols. */
export function alpn(...protocols: readonly string[]): Buffer {
  const names = protocols.map((name) => vector(1, Buffer.from(name, "latin1")));
  return extension(16, vector(2, Buffer.concat(names)));
}

/** Cuts a message into records of at most `fragmentBytes`. */
export function inRecords(message: Buffer, fragmentBytes = 16_384): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragmentBytes) {
    records.push(record(message.subarray(at, at + fragmentBytes)));
  }
  return Buffer.concat(records);
}

/** One record; a handshake record unless said otherwise. */
export function record(fragment: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 1), vector(2, fragment)]);
}

/** A vector with its length before it in `lengthSize` bytes. */
export function vector(lengthSize: number, content: Buffer): Buffer {
  return Buffer.concat([number(lengthSize, content.length), content]);
}

/** A number in `size` bytes. */
export function number(size: number, value: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntBE(value, 0, size);
  return bytes;
}

/** Random numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Names with which strangers have looked for weak spots. */
export const HOSTILE_NAMES: readonly string[] = [
  "shop.example.",
  "SHOP.example",
  ".shop.example",
  "shop..example",
  "shop.example\0",
  "shop.example\0.other.example",
  "192.0.2.1",
  "[2001:db8::1]",
  "2001:db8::1",
  "0x7f.1",
  "1",
  "*.shop.example",
  "_acme.shop.example",
  "shop example",
  "shop.example\r\n",
  "../../etc/passwd",
  "__proto__",
  "xn--",
  "sh\u00f6p.example",
  `${"a".repeat(64)}.example`,
  "a".repeat(255),
  `${"a.".repeat(127)}a`,
];

/** One of many ways to spoil a hello, by the random numbers given. Never changes `hello`. */
export function mutate(hello: Buffer, random: () => number): Buffer {
  const below = (end: number): number => Math.floor(random() * end);
  switch (below(8)) {
    case 0:
      return setBytes(hello, random, 1 + below(4), 0);
    case 1: {
      // Where the name is: lengths, type and name.
      const name = hello.indexOf(CAPTURED_NAME);
      return setBytes(hello, random, 1 + below(2), Math.max(0, name - 10), 26);
    }
    case 2:
      return hello.subarray(0, below(hello.length + 1));
    case 3: {
      const at = below(hello.length);
      const size = below(40);
      return Buffer.concat([hello.subarray(0, at), hello.subarray(at + size)]);
    }
    case 4: {
      const at = below(hello.length);
      const size = below(40);
      return Buffer.concat([hello.subarray(0, at + size), hello.subarray(at)]);
    }
    case 5:
      return inRecords(setBytes(hello.subarray(5), random, below(2), 0), 1 + below(400));
    case 6: {
      const name = HOSTILE_NAMES[below(HOSTILE_NAMES.length)] ?? "";
      const extensions = [serverName(name), ...(below(2) === 0 ? [serverName("b.example")] : [])];
      return inRecords(setBytes(makeHello({ extensions }), random, below(2), 0), 1 + below(400));
    }
    default: {
      // Off by one in what may be a length.
      const changed = Buffer.from(hello);
      const at = below(changed.length);
      changed[at] = ((changed[at] ?? 0) + (random() < 0.5 ? 1 : 255)) & 0xff;
      return changed;
    }
  }
}

function setBytes(
  hello: Buffer,
  random: () => number,
  count: number,
  from: number,
  span = hello.length - from,
): Buffer {
  const changed = Buffer.from(hello);
  for (let each = 0; each < count; each += 1) {
    const at = from + Math.floor(random() * span);
    if (at < changed.length) changed[at] = Math.floor(random() * 256);
  }
  return changed;
}
