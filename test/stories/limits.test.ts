import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";

/** How long a client that says nothing is borne with, in milliseconds. */
async function silence(port: number): Promise<number> {
  const startedAt = performance.now();
  const socket = connect(port, "127.0.0.1");
  await once(socket.resume(), "close");
  return performance.now() - startedAt;
}

test("a limit that the file changes holds in the workers, and is the usual one after a reload without it", async () => {
  const config =
    "workers: 1\nlimits: { helloTimeoutMs: 1s }\nhosts: { up.localhost: { respond: ok } }";
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const short = await silence(latchkey.httpsPort);
  assert.ok(short >= 900 && short < 4_500, `${short} ms`);

  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, text.replace("limits: { helloTimeoutMs: 1s }\n", ""));
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  const usual = await silence(latchkey.httpsPort);
  assert.ok(usual >= 4_900, `${usual} ms`);
});
