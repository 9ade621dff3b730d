import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";
import { RawClient } from "../support/raw-client.ts";

/** As many as the configuration allows; none of them says anything. */
const HELD = 16;
const KNOCK_MS = 250;
const PATIENCE_MS = 30_000;

test("R1: newcomers that are refused for seconds on end are a trouble in status and at /healthz", async () => {
  await using latchkey = await Latchkey.start({
    config: `
workers: 1
limits: { connectionsMax: ${HELD}, helloTimeoutMs: 60s }
hosts: { a.localhost: { respond: ok } }
`,
  });
  await latchkey.event("certificate.swapped");
  const held: RawClient[] = [];
  while (latchkey.count("overload.began") < 3)
    held.push(await RawClient.connect(latchkey.httpsPort));
  const until = performance.now() + PATIENCE_MS;
  let kinds: readonly string[] = [];
  while (!kinds.includes("overload.refusing") && performance.now() < until) {
    held.push(await RawClient.connect(latchkey.httpsPort));
    await sleep(KNOCK_MS);
    kinds = (await latchkey.status()).troubles.map(({ kind }) => kind);
  }
  assert.deepEqual(kinds, ["overload.refusing"]);
  const socket = join(latchkey.storage, "admin.sock");
  const { stdout } = await runProgram("curl", ["-s", "--unix-socket", socket, "http://a/healthz"]);
  assert.equal(JSON.parse(stdout).status, "degraded");
  for (const each of held) each.socket.destroy();
});
