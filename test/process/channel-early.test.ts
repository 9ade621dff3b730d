import assert from "node:assert/strict";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { Address, Message } from "../../src/process/messages.ts";
import { envelope } from "../../src/process/read-message.ts";
import { configOf } from "../support/config-text.ts";
import { startPiped } from "../support/piped-child.ts";

const program = join(import.meta.dirname, "../support/channel-child.ts");

test("what comes right behind the first message, before a child has looked at that, is not lost", async () => {
  using child = startPiped(program, "manager", () => {}, { stdout: "pipe" });
  const configure: Message = {
    type: "configure",
    config: configOf("hosts: { shop.example: 3001 }"),
    httpsFds: [],
    httpFds: [],
    accessLogFd: undefined,
    startedAt: 0,
    configuredAt: 0,
    rejection: undefined,
    era: 1,
    place: 0,
    unsaved: [],
    reach: { https: [], http: [] },
    unbound: [],
  };
  const messages: readonly [Address, Message][] = [
    ["supervisor", configure],
    ["worker 1", { type: "state.ask", ask: 1 }],
    ["supervisor", { type: "peers", manager: "away", workers: [], crashing: undefined }],
    ["supervisor", { type: "drain", deadlineMs: 0, isReplaced: false }],
  ];
  // The child is still reading its program: everything waits in its pipe when it starts to listen.
  for (const [from, message] of messages) child.say(envelope(from, "manager", message));
  assert.ok(child.process.stdout);
  assert.deepEqual(JSON.parse(await text(child.process.stdout)), [
    "configure",
    "state.ask of worker 1",
    "peers of supervisor",
    "drain of supervisor",
  ]);
});
