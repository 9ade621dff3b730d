import { createHash } from "node:crypto";
import { request } from "./h2-frames.ts";
import type { Recorded } from "./recorded.ts";
import { get } from "./relay-world.ts";

/** The handshake of RFC 6455 §1.3. */
export const HANDSHAKE = get(
  "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nOrigin: https://a.example\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
  "/chat",
);

/** RFC 8441 §5.1. */
export const CONNECT = request({
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/chat",
  origin: "https://a.example",
  "sec-websocket-version": "13",
  "sec-websocket-protocol": "chat",
});

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Accepts a handshake as RFC 6455 has it, with these further lines, then says `rest`. */
export async function acceptWebSocket(connection: Recorded, rest = "", lines = ""): Promise<void> {
  await connection.head();
  const [, key = ""] = /sec-websocket-key: (\S+)\r\n/i.exec(connection.text) ?? [];
  const proof = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  connection.say(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n${lines}\r\n${rest}`,
  );
}

/** So many bytes, a character each (latin1), of all values there are. */
export function bytesOfAnyValue(length: number): string {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => at)).toString("latin1");
}
