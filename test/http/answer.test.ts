import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import * as answer from "../../src/http/answer.ts";
import * as head from "../../src/http/head.ts";
import { answerVectors } from "./answer-vectors.ts";
import { answerKind } from "./rows.ts";

const parts = { head, answer };

for (const { name, bytes, expect, method, isConnect } of answerVectors) {
  test(`B7: An answer with ${name} is taken for ${expect}`, () => {
    assert.equal(answerKind(parts, bytes, method, isConnect), expect);
  });
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** The example of RFC 6455 §1.3. */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const wrong = createHash("sha1").update("wrong").digest("base64");

const switches = [
  {
    name: "as RFC 6455 §1.3 has it",
    lines: `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`,
    expect: "switch",
  },
  {
    name: "in other case",
    lines: `connection: keep-alive, UPGRADE\r\nUPGRADE: WebSocket\r\nsec-websocket-accept: ${ACCEPT}\r\n`,
    expect: "switch",
  },
  {
    name: "without Sec-WebSocket-Accept",
    lines: "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    expect: "fault",
  },
  {
    name: "with the wrong Sec-WebSocket-Accept",
    lines: `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${wrong}\r\n`,
    expect: "fault",
  },
  {
    name: "with two Sec-WebSocket-Accepts",
    lines: `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${wrong}\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`,
    expect: "fault",
  },
  {
    name: "to another protocol",
    lines: `Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`,
    expect: "fault",
  },
  {
    name: "without Connection: Upgrade",
    lines: `Upgrade: websocket\r\nSec-WebSocket-Accept: ${ACCEPT}\r\n`,
    expect: "fault",
  },
];

for (const { name, lines, expect } of switches) {
  test(`An answer to a WebSocket handshake ${name} is a ${expect}`, () => {
    const bytes = Buffer.from(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    const read = head.readResponseHead(bytes, 0, bytes.length);
    assert.equal(read.kind, "head");
    if (read.kind !== "head") return;
    assert.equal(answer.judgeAnswer(read, { method: "GET", webSocketKey: KEY }).kind, expect);
  });
}

const reusable = [
  { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", expect: true },
  { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n", expect: false },
  { bytes: "HTTP/1.1 200 OK\r\n\r\n", expect: false },
  { bytes: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", expect: false },
  {
    bytes: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n",
    expect: false,
  },
];

for (const { bytes, expect } of reusable) {
  test(`A connection is ${expect ? "kept" : "given up"} after ${JSON.stringify(bytes)}`, () => {
    const buffer = Buffer.from(bytes);
    const read = head.readResponseHead(buffer, 0, buffer.length);
    assert.equal(read.kind, "head");
    if (read.kind !== "head") return;
    const final = answer.judgeAnswer(read, { method: "GET", webSocketKey: undefined });
    assert.equal(final.kind === "final" && final.isReusable, expect);
  });
}
