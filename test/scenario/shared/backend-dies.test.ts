import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { runProgram } from "../../support/client-program.ts";
import { deadPort } from "../../support/dead-port.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { without } from "../../support/programs.ts";
import type { Recorded } from "../../support/recorded.ts";
import { Recorder } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";
import { openRaw, visit } from "../../support/visitor.ts";

const OK = "HTTP/1.1 200 OK\r\n";
/** What the backend does, by path; each time on a connection that it then leaves as it is. */
const deeds: Readonly<Record<string, (connection: Recorded) => void>> = {
  "/short": (to) => end(to, `${OK}Content-Length: 10\r\n\r\nhalf`),
  "/short-chunk": (to) => end(to, `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n9\r\nhalf`),
  "/no-last-chunk": (to) => end(to, `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n`),
  "/reset": (to) => breakOff(to, `${OK}\r\nup to the end`),
  "/stalls": (to) => to.say(`${OK}Content-Length: 10\r\n\r\nhalf`),
  "/leaves": (to) => to.socket.end(),
  "/half-head": (to) => end(to, `${OK}Content-Le`),
  "/nonsense": (to) => end(to, "220 smtp.example ESMTP\r\n"),
  "/two-lengths": (to) => end(to, `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`),
  "/silent": () => undefined,
};

function end({ socket }: Recorded, text: string): void {
  socket.end(text, "latin1");
}

function breakOff({ socket }: Recorded, text: string): void {
  socket.write(text, "latin1", () => socket.resetAndDestroy());
}

const backend = await Recorder.start(async (connection) => {
  await connection.head();
  deeds[connection.text.split(" ")[1] ?? ""]?.(connection);
});
const gonePort = await deadPort();
const start = share({
  hosts: `
  dying.localhost: { to: ${backend.port}, timeouts: { firstByte: 1s, idle: 1s } }
  dead.localhost: ${gonePort}`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of ["dying.localhost", "dead.localhost"])
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
});
after(async () => {
  await backend[Symbol.asyncDispose]();
});

/** Exit codes of curl: a body that ended too early, in its words, as a fault of the connection, or of its stream. */
const CURL_CUT = { "http1.1": [18, 56], http2: [92] } as const;
const VERSIONS = ["http1.1", "http2"] as const;

for (const path of ["/short", "/short-chunk", "/no-last-chunk", "/reset", "/stalls"]) {
  test(`B4: no client takes the answer ${path} for a whole one`, {
    skip: without("curl"),
  }, async () => {
    for (const version of VERSIONS) {
      const { code, stdout } = await curl(version, path);
      assert.ok(
        CURL_CUT[version].some((cut) => cut === code),
        `curl --${version} ended with ${code}`,
      );
      assert.match(stdout, /half|whole|up to the end/);
    }
    await assert.rejects(visit(latchkey, "dying.localhost", { path }));
  });
}

function curl(version: (typeof VERSIONS)[number], path: string) {
  const door = `dying.localhost:${latchkey.httpsPort}`;
  const args = ["--cacert", latchkey.root, "--resolve", `${door}:127.0.0.1`];
  return runProgram("curl", [
    `--${version}`,
    "-sS",
    "--no-buffer",
    ...args,
    `https://${door}${path}`,
  ]);
}

const refusals: readonly [host: string, path: string, status: number][] = [
  ["dying.localhost", "/leaves", 502],
  ["dying.localhost", "/half-head", 502],
  ["dying.localhost", "/nonsense", 502],
  ["dying.localhost", "/two-lengths", 502],
  ["dead.localhost", "/", 502],
  ["dying.localhost", "/silent", 504],
];

for (const [host, path, expected] of refusals) {
  test(`a backend that fails before its answer (${host}${path}) is a ${expected} that names nothing`, async () => {
    const { status, headers, text } = await visit(latchkey, host, { path });
    assert.equal(status, expected);
    const told = JSON.stringify(headers) + text;
    for (const secret of ["127.0.0.1", `${backend.port}`, `${gonePort}`, "ECONN", "smtp"])
      assert.ok(!told.includes(secret), `${told} tells ${secret}`);
  });
}

test("the connection of a client outlives a backend's failure before its answer", async () => {
  using client = await openRaw(latchkey, "dead.localhost");
  const request = "GET / HTTP/1.1\r\nHost: dead.localhost\r\n\r\n";
  client.say(request + request);
  await client.until(({ statuses }) => statuses.length === 2);
  assert.deepEqual(client.statuses, [502, 502]);
});
