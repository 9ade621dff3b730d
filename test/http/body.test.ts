import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as body from "../../src/http/body.ts";
import { bodyVectors } from "./body-vectors.ts";
import { readChunked } from "./rows.ts";

const { BodyReader, CHUNK_END, chunkStart, lastChunk } = body;

for (const { name, bytes, expect } of bodyVectors) {
  test(`A chunked body with ${name} comes to ${expect.state}`, () => {
    const read = readChunked({ body }, [bytes]);
    assert.equal(read.state, expect.state);
    if (expect.state !== "fault") assert.equal(read.content, expect.content);
    if (expect.state === "done") assert.equal(read.rest, expect.rest);
  });

  test(`A chunked body with ${name} comes to the same byte by byte`, () => {
    const read = readChunked({ body }, bytes.split(""));
    assert.equal(read.state, expect.state);
    if (expect.state !== "fault") assert.equal(read.content, expect.content);
    if (expect.state === "done") assert.equal(read.rest, expect.rest);
  });
}

const content = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 });

test("Chunks that we write are read back as they were, however they are cut", () => {
  fc.assert(
    fc.property(content, fc.array(fc.nat({ max: 3_000 }), { maxLength: 10 }), (chunks, cuts) => {
      const parts = chunks.map((chunk) => Buffer.from(chunk).toString("latin1"));
      const framed = parts.map((part) => chunkStart(part.length) + part + CHUNK_END).join("");
      const wire = `${framed}${lastChunk("X-A: b\r\n")}NEXT`;
      const read = readChunked({ body }, cut(wire, cuts));
      assert.equal(read.state, "done");
      assert.equal(read.content, parts.join(""));
      assert.equal(read.rest, "NEXT");
      assert.equal(read.trailers?.value(0), "b");
    }),
    { numRuns: 300 },
  );
});

test("Any bytes come to the same state and content, however they are cut", () => {
  const alphabet = fc.constantFrom(
    "0",
    "1",
    "3",
    "a",
    "\r",
    "\n",
    "\r\n",
    ";",
    ":",
    "0\r\n\r\n",
    "x",
  );
  fc.assert(
    fc.property(
      fc.array(alphabet, { maxLength: 30 }),
      fc.array(fc.nat({ max: 60 }), { maxLength: 6 }),
      (letters, cuts) => {
        const wire = letters.join("");
        const whole = readChunked({ body }, [wire]);
        const inPieces = readChunked({ body }, cut(wire, cuts));
        assert.equal(inPieces.state, whole.state);
        // Of a broken body nobody uses what came before the break.
        if (whole.state !== "fault") assert.equal(inPieces.content, whole.content);
        if (whole.state === "done") assert.equal(inPieces.rest, whole.rest);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("A sized body ends after its bytes and leaves the rest alone", () => {
  const reader = new BodyReader();
  reader.begin("length", 5);
  const bytes = Buffer.from("..helloGET /");
  assert.equal(reader.read(bytes, 2, 4), "more");
  assert.deepEqual([reader.dataStart, reader.dataEnd, reader.next], [2, 4, 4]);
  assert.equal(reader.read(bytes, 4, bytes.length), "done");
  assert.deepEqual([reader.dataStart, reader.dataEnd, reader.next], [4, 7, 7]);
});

test("A body that ends with the connection takes everything", () => {
  const reader = new BodyReader();
  reader.begin("close", 0);
  assert.equal(reader.read(Buffer.from("hello"), 1, 5), "more");
  assert.deepEqual([reader.dataStart, reader.dataEnd], [1, 5]);
  assert.equal(reader.endsWithConnection, true);
});

function cut(text: string, at: readonly number[]): string[] {
  const places = [...at.filter((place) => place < text.length), text.length].sort((a, b) => a - b);
  return places.map((place, index) => text.slice(places[index - 1] ?? 0, place));
}
