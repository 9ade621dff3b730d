import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { answering, OK, Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { visit } from "../../support/visitor.ts";

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
  // Each on a connection of its own: one that is kept is closed after so many requests, on a quick machine too soon.
  const askUntil = async (wanted: number) => {
    const deadline = performance.now() + 10_000;
    let answer = await visit(latchkey, "ruled.localhost");
    while (answer.status !== wanted && performance.now() < deadline)
      answer = await visit(latchkey, "ruled.localhost");
    assert.equal(answer.status, wanted);
    return answer;
  };
  await askUntil(200);
  writeFileSync(marker, "");
  assert.match((await askUntil(503)).text, /<h1>Closed<\/h1>/);
  rmSync(marker);
  const { headers } = await askUntil(200);
  assert.equal(headers["strict-transport-security"], "max-age=5184000");
});

test("plain HTTP redirects, and says nothing of HSTS (RFC 6797 §7.2)", () => {
  const head = execFileSync("curl", [
    ...["-sI", "--max-time", "10", "-H", "Host: ruled.localhost"],
    `http://127.0.0.1:${latchkey.httpPort}/`,
  ]).toString();
  assert.match(head, /^HTTP\/1\.1 308 /);
  assert.doesNotMatch(head, /strict-transport/i);
});
