import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { envelope, readEnvelope } from "../../src/process/read-message.ts";
import { configOf } from "../support/config-text.ts";

const file = join(import.meta.dirname, "../support/fleet-child.ts");

test("a child says that it is alive while it is not ready yet, however long it reads its storage", async (t) => {
  const child = fork(file, ["manager"], { execArgv: ["--title=waits"] });
  t.after(() => child.kill("SIGKILL"));
  const configure = {
    type: "configure",
    config: configOf("hosts: { up.localhost: { respond: ok } }"),
    httpsFds: [],
    httpFds: [],
    accessLogFd: undefined,
    startedAt: 0,
    reach: { https: [], http: [] },
  } as const;
  child.send(envelope("supervisor", "manager", configure));
  const [said] = await once(child, "message", { signal: AbortSignal.timeout(10_000) });
  assert.equal(readEnvelope(said)?.message.type, "heartbeat");
});
