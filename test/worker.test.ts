import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import type { Message } from "../src/process/messages.ts";
import { envelope, readEnvelope } from "../src/process/read-message.ts";
import { configOf } from "./support/config-text.ts";
import { startPiped } from "./support/piped-child.ts";

const file = join(import.meta.dirname, "../src/worker.ts");

test("a worker that cannot listen says so and ends, for another one to take its place", async () => {
  const said: Message[] = [];
  const hear = (value: unknown) =>
    void said.push(...[readEnvelope(value)?.message].filter(isMessage));
  using child = startPiped(file, "worker 1", hear);
  const configure = {
    type: "configure",
    config: configOf("hosts: { up.localhost: { respond: ok } }"),
    httpsFds: [99], // nothing is open there
    httpFds: [],
    accessLogFd: undefined,
    startedAt: 0,
    reach: { https: [], http: [] },
    unbound: [],
  } as const;
  child.say(envelope("supervisor", "worker 1", configure));
  const [code] = await once(child.process, "exit", { signal: AbortSignal.timeout(10_000) });
  assert.equal(code, 1);
  const fatal = said.find(({ type }) => type === "fatal");
  assert.equal(fatal?.type === "fatal" && fatal.code, "LISTEN_FAILED");
});

function isMessage(message: Message | undefined): message is Message {
  return message !== undefined;
}
