import { closeSync, writeSync } from "node:fs";
import { codeOf } from "../../src/base/errors.ts";
import { Channel, PIPE_FD } from "../../src/process/channel.ts";
import type { Address } from "../../src/process/messages.ts";

/**
 * A child process that does what its title says: `works` (ready, and leaves when told), `dies`
 * (before it is ready), `hears` (SIGINT, before it listens to anything), `faints` (as soon as it is ready), `waits` (never ready, but its event loop turns), `repeats` (says twice that
 * it is ready), `pretends` (speaks to the manager as only the supervisor may), `babbles` (says what is no
 * JSON), `floods` (says 10 MB that never end), `hangs-up` (closes the pipe, and lives on),
 * `lingers` (takes all the time that it is given to finish), `breaks` (with a fault of ours, while it finishes),
 * `stays` (leaves when it hears that nobody is to take its place).
 */
const mode = process.title;
if (mode === "hears") process.kill(process.pid, "SIGINT");
const { channel } = await Channel.connect(process.argv[2] as Address);

if (mode === "dies") process.exit(3);
if (mode !== "waits") {
  channel.open({
    message: (message) => {
      if (message.type !== "drain") return;
      if (mode === "breaks") process.exit(1);
      if (mode === "stays" && message.isReplaced) return;
      if (mode !== "lingers") process.exit(0);
      channel.send("supervisor", { type: "closed" });
      setTimeout(() => process.exit(0), message.deadlineMs);
    },
    orphaned: () => {
      if (mode !== "hangs-up") process.exit(1);
    },
  });
  await new Promise((resolve) => setImmediate(resolve)); // to listen takes a turn of the loop
  if (mode === "pretends") {
    channel.send("manager", { type: "peers", manager: "ready", workers: [], crashing: undefined });
    channel.send("manager", { type: "drain", deadlineMs: 0, isReplaced: false });
  }
  channel.send("supervisor", { type: "ready" });
  if (mode === "faints") setImmediate(() => process.exit(3)); // what was said leaves first
  if (mode === "repeats") channel.send("supervisor", { type: "ready" });
  if (mode === "babbles") writeSync(PIPE_FD, "{{{\n");
  if (mode === "floods") await flood(10_000_000);
  if (mode === "hangs-up") {
    setInterval(() => {}, 60_000); // the pipe held the process, and nothing else does
    closeSync(PIPE_FD);
  }
  if (mode === "closes") channel.send("supervisor", { type: "closed" });
}

/** Past the channel, which writes no such thing. */
async function flood(bytes: number): Promise<void> {
  const piece = Buffer.alloc(50_000, "a");
  for (let left = bytes; left > 0; ) {
    try {
      left -= writeSync(PIPE_FD, piece);
    } catch (error) {
      if (codeOf(error) !== "EAGAIN") throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
