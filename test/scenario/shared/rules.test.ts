import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { answering, OK, Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw } from "../../support/visitor.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-marker-"));
const marker = join(folder, "maintenance");
writeFileSync(join(folder, "closed.html"), "<h1>Closed</h1>");
const backend = await Recorder.start(answering(OK));
const start = share({
  hosts: `
  ruled.localhost:
    to: ${backend.port}
    hsts: 60d
    maintenance: { marker: ${marker}, page: ${join(folder, "closed.html")} }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "ruled.localhost");
});
after(async () => {
  await backend[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

test("a worker, which may read few files, sees the marker come and go; HSTS is said on https", async () => {
  using client = await openRaw(latchkey, "ruled.localhost");
  const askUntil = async (status: number) => {
    const deadline = performance.now() + 10_000;
    do {
      const { length } = client.statuses;
      client.say("GET / HTTP/1.1\r\nHost: ruled.localhost\r\n\r\n");
      await client.until(({ statuses }) => statuses.length > length);
    } while (client.statuses.at(-1) !== status && performance.now() < deadline);
    assert.equal(client.statuses.at(-1), status);
  };
  await askUntil(200);
  writeFileSync(marker, "");
  await askUntil(503);
  await client.has("<h1>Closed</h1>");
  rmSync(marker);
  await askUntil(200);
  assert.match(client.text, /\r\nStrict-Transport-Security: max-age=5184000\r\n/);
});

test("plain HTTP redirects, and says nothing of HSTS (RFC 6797 §7.2)", () => {
  const head = execFileSync("curl", [
    ...["-sI", "--max-time", "10", "-H", "Host: ruled.localhost"],
    `http://127.0.0.1:${latchkey.httpPort}/`,
  ]).toString();
  assert.match(head, /^HTTP\/1\.1 308 /);
  assert.doesNotMatch(head, /strict-transport/i);
});
