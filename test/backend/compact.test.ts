import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test } from "node:test";
import { keepCompact } from "../../src/backend/compact.ts";

/** A stream, and what it has to read. */
function streamOf() {
  const pushed: Buffer[] = [];
  const stream = new Readable({ read() {} });
  keepCompact(stream);
  return {
    stream,
    take: () => {
      for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) pushed.push(chunk);
      return pushed;
    },
  };
}

test("a few bytes that wait hold a few bytes, not what they came with", () => {
  const { stream, take } = streamOf();
  stream.pause();
  stream.push(Buffer.alloc(65_536, "x").subarray(10, 20));
  const [chunk] = take();
  assert.equal(String(chunk), "xxxxxxxxxx");
  assert.equal(chunk?.buffer.byteLength, 10);
});

test("what is read at once is not copied", async () => {
  const whole = Buffer.alloc(65_536, "x");
  const { stream } = streamOf();
  const read = once(stream, "data");
  stream.push(whole.subarray(10, 20));
  const [chunk] = await read;
  assert.ok(chunk.buffer === whole.buffer);
});
