import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf } from "../../src/base/errors.ts";
import { LogSink } from "../../src/base/log-sink.ts";

/** Half of what a pipe holds in each round, and in all of them much more than the sink keeps. */
const LINES = 32;
const LINE = `${"x".repeat(1_023)}\n`;
const ROUNDS = 200;
const ROUND_MS = 10;

/** Both ends of a pipe that does not block, as a parent may hand it to us. */
function openPipe(): { readonly reader: number; readonly writer: number } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-pipe-"));
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  return {
    reader,
    writer,
    [Symbol.dispose]: () => {
      closeSync(reader);
      closeSync(writer);
      rmSync(folder, { recursive: true });
    },
  };
}

/** How many bytes are there now. */
function readAll(fd: number): number {
  const room = Buffer.alloc(65_536);
  for (let sum = 0; ; ) {
    try {
      sum += readSync(fd, room);
    } catch (error) {
      assert.equal(codeOf(error), "EAGAIN");
      return sum;
    }
  }
}

test("A pipe that does not block, whose reader is slow but steady, loses no line", async () => {
  using pipe = openPipe();
  let [dropped, taken] = [0, 0];
  const sink = new LogSink(pipe.writer, (lines) => {
    dropped += lines;
  });
  const sum = ROUNDS * LINES * LINE.length;
  for (let round = 0; taken < sum && dropped === 0; round += 1) {
    for (let line = 0; line < LINES && round < ROUNDS; line += 1) sink.write(LINE);
    await sleep(ROUND_MS);
    taken += readAll(pipe.reader);
  }
  assert.deepEqual([dropped, taken], [0, sum]);
});

test("A file gets every line once and in order, also those that are gathered because they follow closely, without another one after them", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-file-"));
  const path = join(folder, "log");
  const fd = openSync(path, "a");
  const sink = new LogSink(fd, () => assert.fail("a line was dropped"));
  const told: string[] = [];
  const tell = (line: string) => {
    told.push(line);
    sink.write(line);
  };
  for (let round = 0; round < 5; round += 1) {
    // More than one write takes, some of it beyond ASCII; then a single one, closely behind.
    for (let line = 0; line < 300; line += 1) tell(`${round} ${line} ${"ü".repeat(200)}\n`);
    await t.waitFor(() => assert.equal(readFileSync(path, "utf8"), told.join("")));
    tell(`${round} alone\n`);
    await t.waitFor(() => assert.equal(readFileSync(path, "utf8"), told.join("")));
  }
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

/** More than a pipe holds. */
const LAST_LINES = 300;

/** What a thread may have been given a moment before, and find no room for: nobody hears what became of it. */
const BATCH_LINES = 4;

/** Writes that many lines into descriptor 3 at the end of the process, and says on standard output how many were lost. */
const ENDING = `
  const { LogSink } = await import(${JSON.stringify(new URL("../../src/base/log-sink.ts", import.meta.url).href)});
  const { writeSync } = await import("node:fs");
  const lost = (lines) => writeSync(1, "lost " + lines);
  const sink = new LogSink(3, () => {}, { failing() {}, recovered() {}, lost });
  for (let line = 0; line < ${LAST_LINES}; line += 1) sink.write("x".repeat(1023) + "\\n");
  process.exit();
`;

for (const [reader, roundMs, isLost] of [
  ["slow but steady", ROUND_MS, false],
  ["gone silent", undefined, true],
] as const) {
  test(`What a process has to say at its end into a pipe that does not block, whose reader is ${reader}, is ${isLost ? "counted as lost, and not waited for" : "read to the last line"}`, async () => {
    using pipe = openPipe();
    const args = ["--input-type=module", "-e", ENDING];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit", pipe.writer],
    });
    let told = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
    const ended = once(child, "close");
    let [taken, hasEnded] = [0, false];
    void ended.then(() => {
      hasEnded = true;
    });
    while (!hasEnded) {
      await sleep(ROUND_MS);
      if (roundMs !== undefined) taken += readAll(pipe.reader);
    }
    taken += readAll(pipe.reader);
    const lost = /^lost (\d+)$/.exec(told)?.[1] ?? "0";
    assert.equal(Number(lost) > 0, isLost, told);
    const accounted = Math.ceil(taken / LINE.length) + Number(lost);
    assert.ok(accounted <= LAST_LINES && accounted >= LAST_LINES - BATCH_LINES, `${accounted}`);
  });
}
