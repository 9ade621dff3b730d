import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { envelope, readEnvelope } from "../../src/process/read-message.ts";
import { configOf } from "../support/config-text.ts";
import { startPiped } from "../support/piped-child.ts";

const file = join(import.meta.dirname, "../support/fleet-child.ts");

test("a child says that it is alive while it is not ready yet, however long it reads its storage", async () => {
  const heard = Promise.withResolvers<unknown>();
  using child = startPiped(file, "manager", heard.resolve, { flags: ["--title=waits"] });
  const configure = {
    type: "configure",
    config: configOf("hosts: { up.localhost: { respond: ok } }"),
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
  } as const;
  child.say(envelope("supervisor", "manager", configure));
  assert.equal(readEnvelope(await heard.promise)?.message.type, "heartbeat");
});
