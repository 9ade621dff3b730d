import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, beforeEach, test } from "node:test";
import { temporaryFolder } from "../../support/folders.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { without } from "../../support/programs.ts";
import { wasResumed } from "../../support/s-client.ts";
import { share } from "../../support/shared-program.ts";

const folder = await temporaryFolder();
const start = share({
  workers: 2,
  hosts: `
  a.localhost: { respond: from a }
  b.localhost: { respond: from b }`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of ["a.localhost", "b.localhost"])
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
});
after(async () => {
  await folder[Symbol.asyncDispose]();
});

/** One request by openssl, which stays until the answer has ended, and so has its tickets. */
async function visitBy(host: string, ...args: readonly string[]): Promise<string> {
  const door = ["-connect", `127.0.0.1:${latchkey.httpsPort}`, "-servername", host];
  const child = spawn("openssl", ["s_client", "-ign_eof", ...door, ...args], { timeout: 20_000 });
  child.stdin.end(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  const [printed] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  assert.match(printed, new RegExp(`from ${host.charAt(0)}`));
  return printed;
}

/** A session of `host` in a file. */
async function sessionOf(host: string, version: string): Promise<string> {
  const file = join(folder.path, `${host}${version}`);
  assert.equal(wasResumed(await visitBy(host, version, "-sess_out", file)), false);
  return file;
}

const judge = { skip: without("openssl") };

for (const [version, name] of [
  ["-tls1_2", "TLS 1.2"],
  ["-tls1_3", "TLS 1.3"],
] as const) {
  test(`T6: a session of one host is never resumed on another (${name})`, judge, async () => {
    const session = await sessionOf("a.localhost", version);
    const printed = await visitBy("b.localhost", version, "-sess_in", session);
    assert.equal(wasResumed(printed), false);
    assert.match(printed, /subject=CN ?= ?b\.localhost/);
    assert.equal(wasResumed(await visitBy("a.localhost", version, "-sess_in", session)), true);
  });

  test(
    `T12: a session is resumed whichever worker takes the connection (${name})`,
    judge,
    async () => {
      const session = await sessionOf("a.localhost", version);
      const visits = Array.from({ length: 8 }, () =>
        visitBy("a.localhost", version, "-sess_in", session),
      );
      const resumed = (await Promise.all(visits)).map(wasResumed);
      assert.deepEqual(new Set(resumed), new Set([true]));
    },
  );
}

test("a session is resumed by workers that were started after it was made", judge, async () => {
  const session = await sessionOf("a.localhost", "-tls1_3");
  for (const { pid } of (await latchkey.status()).workers) {
    const replaced = latchkey.nextEvent("process.ready");
    process.kill(pid, "SIGKILL");
    await replaced;
  }
  assert.equal(wasResumed(await visitBy("a.localhost", "-tls1_3", "-sess_in", session)), true);
});
