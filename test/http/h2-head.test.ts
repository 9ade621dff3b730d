import assert from "node:assert/strict";
import { test } from "node:test";
import * as gate from "../../src/http/admit.ts";
import * as h2Head from "../../src/http/h2-head.ts";
import { hostname } from "../support/relay-world.ts";
import {
  badHeads,
  badTrailers,
  goodHeads,
  LINE,
  line,
  tunnelHeads,
  WEBSOCKET,
} from "./h2-head-vectors.ts";
import { streamStatus } from "./rows.ts";

const HOST = hostname("shop.example");
const SITE = { host: HOST, answersFor: () => false };
/** The status that a stream is refused with, or 0. */
function judge(pairs: readonly string[], isWhole = true): number {
  return streamStatus({ h2Head, admit: gate }, pairs, isWhole);
}

for (const [name, pairs] of goodHeads) {
  test(`A stream head with ${name} is admitted`, () => assert.equal(judge(pairs), 0));
}

for (const [name, status, pairs] of badHeads) {
  test(`T24: A stream head with ${name} gets ${status}`, () => assert.equal(judge(pairs), status));
}

for (const [name, status, pairs, isWhole] of tunnelHeads) {
  test(`An extended CONNECT ${name} gets ${status || "through the gate"}`, () =>
    assert.equal(judge(pairs, isWhole), status));
}

test("A stream head becomes the HTTP/1.1 head that means the same", () => {
  const head = h2Head.readStreamHead(
    [...LINE, "accept", "*/*", "cookie", "a=1", "x", "y", "cookie", "b=2"],
    true,
  );
  assert.ok(head.kind === "head");
  assert.equal(
    head.fields.text,
    "host: shop.example\r\naccept: */*\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n",
  );
  assert.deepEqual([head.method, head.target, head.minor], ["GET", "/", 1]);
});

test("A stream whose head says no length has a chunked body, unless nothing follows", () => {
  const framing = (pairs: readonly string[], isWhole: boolean) => {
    const head = h2Head.readStreamHead(pairs, isWhole);
    const request = head.kind === "head" ? gate.admit(head, SITE) : head;
    return request.kind === "admitted" ? request.framing : request.why;
  };
  assert.equal(framing(line(":method", "POST"), false), "chunked");
  assert.equal(framing(line(":method", "POST"), true), "none");
  assert.equal(framing([...line(":method", "POST"), "content-length", "5"], false), "length");
});

test("An extended CONNECT becomes the handshake of HTTP/1.1, with a new key each time", () => {
  const keys = [1, 2].map(() => {
    const head = h2Head.readStreamHead([...WEBSOCKET, "sec-websocket-version", "13"], false);
    const request = head.kind === "head" ? gate.admit(head, SITE) : head;
    assert.ok(request.kind === "admitted");
    assert.deepEqual([request.method, request.target, request.framing], ["GET", "/chat", "none"]);
    return request.webSocketKey;
  });
  assert.ok(keys[0] !== undefined && keys[0] !== keys[1]);
});

test("Trailers are read like fields, and no pseudo-header field is among them", () => {
  const trailers = h2Head.readStreamTrailers(["grpc-status", "0", "x-sum", "1"]);
  assert.ok("text" in trailers);
  assert.equal(trailers.text, "grpc-status: 0\r\nx-sum: 1\r\n\r\n");
  for (const [name, pairs] of badTrailers) {
    const refused = h2Head.readStreamTrailers(pairs);
    assert.equal("status" in refused && refused.status, 400, name);
  }
});
