import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { Pipe } from "../../src/process/pipe.ts";

/** A pipe into which a test puts bytes by hand, and what came out of it. */
function opened(maxBytes: number) {
  const sent: string[] = [];
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk.toString());
      done();
    },
  });
  const said: unknown[] = [];
  const gone = Promise.withResolvers<void>();
  const events = {
    message: (value: unknown) => void said.push(value),
    broken: () => void said.push("broken"),
    closed: () => gone.resolve(),
  };
  return { pipe: new Pipe(socket, maxBytes, events), socket, said, sent, gone: gone.promise };
}

test("messages come out whole and in order, however their bytes are cut", async () => {
  const messages = [{ text: "a\nb" }, { text: "é" }, [], { text: "x".repeat(50) }];
  const bytes = Buffer.from(messages.map((each) => `${JSON.stringify(each)}\n`).join(""));
  for (let size = 1; size <= bytes.length; size += 1) {
    const { socket, said, gone } = opened(100);
    for (let at = 0; at < bytes.length; at += size) socket.push(bytes.subarray(at, at + size));
    socket.push(null);
    socket.end();
    await gone;
    assert.deepEqual(said, messages, `${size} bytes at a time`);
  }
});

const hostile: readonly { name: string; bytes: string; said: readonly unknown[] }[] = [
  { name: "no JSON", bytes: "1\n{{\n2\n", said: [1, "broken"] },
  { name: "an empty line", bytes: "1\n\n2\n", said: [1, "broken"] },
  { name: "a message that is too long", bytes: `1\n"${"x".repeat(20)}"\n2\n`, said: [1, "broken"] },
  { name: "one that never ends", bytes: `1\n"${"x".repeat(20)}`, said: [1, "broken"] },
];

for (const { name, bytes, said } of hostile) {
  test(`${name} ends the pipe, with nothing read behind it`, async () => {
    const world = opened(16);
    world.socket.push(bytes);
    await world.gone;
    assert.deepEqual(world.said, said);
    assert.equal(world.pipe.isOpen, false);
  });
}

test("what is said to an end that is gone is lost", async () => {
  const { pipe, sent, gone } = opened(16);
  pipe.send({ a: 1 });
  pipe.close();
  await gone;
  pipe.send({ a: 2 });
  assert.deepEqual(sent, ['{"a":1}\n']);
});
