import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Coding, Compression } from "../../src/config/compress.ts";
import { readCompress } from "../../src/config/compress.ts";
import type { PathRoute } from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import type { Recorded } from "../support/recorded.ts";
import { answering, answeringOnce, DATE, Recorder, type Script } from "../support/recorder.ts";
import { forwardTo, get, RelayScene, RelayWorld } from "../support/relay-world.ts";

const compress: Compression = readCompress(true) ?? { types: [], minBytes: 0, codings: [] };
const DECODED = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
const PAGE = "<p>the same again and again</p>\n".repeat(2_000);
const HTML = "Content-Type: text/html; charset=utf-8\r\n";

const start = (script: Script, changes: Partial<PathRoute> = {}) =>
  RelayScene.start(script, { compress, ...changes });
const page = (lines: string, status = "200 OK", body = PAGE): string =>
  `HTTP/1.1 ${status}\r\n${DATE}${lines}Content-Length: ${body.length}\r\n\r\n${body}`;
const accept = (value: string): string => get(`Accept-Encoding: ${value}\r\n`);

/** The content of a chunked answer whose last chunk has come. */
function unchunked(text: string): Buffer {
  const pieces: string[] = [];
  let at = text.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return Buffer.from(pieces.join(""), "latin1");
    pieces.push(text.slice(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

const headOf = (text: string): string => text.slice(0, text.indexOf("\r\n\r\n") + 2);

for (const coding of ["zstd", "br", "gzip"] as const satisfies readonly Coding[]) {
  test(`${coding}: smaller, the same bytes when decoded, and a head that fits`, async () => {
    await using scene = await start(
      answering(
        page(
          `${HTML}ETag: "v1"\r\nAccept-Ranges: bytes\r\nContent-Digest: sha-256=:x:\r\nVary: Cookie\r\nVary: Origin\r\n`,
        ),
      ),
    );
    scene.client.say(accept(coding));
    await scene.client.has("\r\n0\r\n\r\n");
    const { text } = scene.client;
    assert.equal(
      headOf(text),
      `HTTP/1.1 200 OK\r\n${DATE}${HTML}Content-Encoding: ${coding}\r\nVary: Cookie, Origin, Accept-Encoding\r\nETag: W/"v1"\r\nTransfer-Encoding: chunked\r\n`,
    );
    const content = unchunked(text);
    assert.ok(content.length < PAGE.length / 20);
    assert.equal(DECODED[coding](content).toString(), PAGE);
  });
}

/** What is special, the lines of the request, the answer, and the Vary it gets; none is compressed. */
const plain: readonly (readonly [string, string, string, string | undefined])[] = [
  ["no Accept-Encoding", "", page(HTML), "Accept-Encoding"],
  ["identity alone", "Accept-Encoding: identity\r\n", page(HTML), "Accept-Encoding"],
  ["everything refused", "Accept-Encoding: *;q=0\r\n", page(HTML), "Accept-Encoding"],
  ["Vary: *", "", page(`${HTML}Vary: *\r\n`), "*"],
  ["Vary that says so", "", page(`${HTML}Vary: accept-encoding\r\n`), "accept-encoding"],
  [
    "a small answer",
    "Accept-Encoding: gzip\r\n",
    page(HTML, "200 OK", "x".repeat(1_023)),
    undefined,
  ],
  ["an empty answer", "Accept-Encoding: gzip\r\n", page(HTML, "200 OK", ""), undefined],
  ["an image", "Accept-Encoding: gzip\r\n", page("Content-Type: image/png\r\n"), undefined],
  ["no type", "Accept-Encoding: gzip\r\n", page(""), undefined],
  ["an odd type", "Accept-Encoding: gzip\r\n", page("Content-Type: text\r\n"), undefined],
  ["events", "Accept-Encoding: gzip\r\n", page("Content-Type: text/event-stream\r\n"), undefined],
  [
    "what is encoded",
    "Accept-Encoding: gzip\r\n",
    page(`${HTML}Content-Encoding: br\r\n`),
    undefined,
  ],
  [
    "identity said aloud",
    "Accept-Encoding: gzip\r\n",
    page(`${HTML}Content-Encoding: identity\r\n`),
    undefined,
  ],
  [
    "no-transform",
    "Accept-Encoding: gzip\r\n",
    page(`${HTML}Cache-Control: public, No-Transform\r\n`),
    undefined,
  ],
  [
    "no-transform wanted",
    "Accept-Encoding: gzip\r\nCache-Control: no-transform\r\n",
    page(HTML),
    undefined,
  ],
  ["a range asked for", "Accept-Encoding: gzip\r\nRange: bytes=0-\r\n", page(HTML), undefined],
  [
    "a part",
    "Accept-Encoding: gzip\r\n",
    page(`${HTML}Content-Range: bytes 0-1/2\r\n`, "206 Partial Content"),
    undefined,
  ],
  [
    "a range that does not fit",
    "Accept-Encoding: gzip\r\n",
    page(`${HTML}Content-Range: bytes */2\r\n`, "416 Range Not Satisfiable"),
    undefined,
  ],
];

for (const [what, lines, answer, vary] of plain) {
  test(`an answer goes out as it came: ${what}`, async () => {
    await using scene = await start(answering(answer));
    scene.client.say(get(lines));
    const body = answer.slice(answer.indexOf("\r\n\r\n"));
    await scene.client.until(({ text }) => text.includes("\r\n\r\n") && text.endsWith(body));
    const { text } = scene.client;
    assert.equal(text.length - text.indexOf("\r\n\r\n"), body.length);
    assert.equal(text.includes("Content-Encoding"), answer.includes("Content-Encoding"));
    assert.equal(/^Vary: (.*)\r$/m.exec(text)?.[1], vary);
    if (vary === undefined) assert.match(text, /^Content-Length/m);
  });
}

/** The rules of the host, the lines of its backend; what the client, who takes gzip, hears. */
const ruled: readonly (readonly [
  rules: string,
  lines: string,
  coding: string | undefined,
  vary: string | undefined,
])[] = [
  ["set: { Vary: Cookie }", HTML, "gzip", "Cookie, Accept-Encoding"],
  ["add: { Vary: Cookie }", `${HTML}Vary: Origin\r\n`, "gzip", "Origin, Cookie, Accept-Encoding"],
  ["remove: [Vary]", `${HTML}Vary: Origin\r\n`, "gzip", "Accept-Encoding"],
  ["set: { Vary: '*' }", HTML, "gzip", "*"],
  ["set: { Vary: Cookie }", `${HTML}Content-Encoding: br\r\n`, "br", "Cookie"],
  ["set: { Content-Type: image/png }", HTML, undefined, undefined],
  ["set: { Content-Type: text/html }", "Content-Type: image/png\r\n", "gzip", "Accept-Encoding"],
  ["set: { Cache-Control: no-transform }", HTML, undefined, undefined],
  [
    "set: { X-A: b }",
    `${HTML}Connection: content-encoding, vary, x-a\r\n`,
    "gzip",
    "Accept-Encoding",
  ],
];

for (const [rules, lines, coding, vary] of ruled) {
  test(`with { ${rules} } for ${JSON.stringify(lines)} the coding is ${coding}, and Vary ${vary}`, async () => {
    await using backend = await Recorder.start(answering(page(lines)));
    const text = `hosts: { shop.example: { to: ${backend.port}, compress: on, headers: { response: { ${rules} } } } }`;
    const action = configOf(text).hosts[0]?.action ?? forwardTo([]);
    await using world = await RelayWorld.start({ action });
    using client = await RawClient.connect(world.port);
    client.say(accept("gzip"));
    await client.has("\r\n\r\n");
    const told = (name: string) =>
      [...headOf(client.text).matchAll(new RegExp(`^${name}: (.*)\r$`, "gm"))].map(
        ([, value]) => value,
      );
    assert.deepEqual(told("Content-Encoding"), coding === undefined ? [] : [coding]);
    assert.deepEqual(told("Vary"), vary === undefined ? [] : [vary]);
  });
}

test("an error page is compressed like any other, and a client of HTTP/1.0 sees its end by the close", async () => {
  await using scene = await start(answering(page(HTML, "404 Not Found")));
  scene.client.say(
    "GET / HTTP/1.0\r\nHost: shop.example\r\nConnection: keep-alive\r\nAccept-Encoding: gzip\r\n\r\n",
  );
  const text = await scene.client.finished();
  assert.match(
    text,
    /^HTTP\/1\.1 404 [\s\S]*Content-Encoding: gzip\r\n[\s\S]*Connection: close\r\n\r\n/,
  );
  const content = Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1");
  assert.equal(gunzipSync(content).toString(), PAGE);
});

test("HEAD gets the head that GET gets", async () => {
  const head = `HTTP/1.1 200 OK\r\n${DATE}${HTML}ETag: "a"\r\nContent-Length: ${PAGE.length}\r\n\r\n`;
  await using scene = await start(answeringOnce(head));
  scene.client.say("HEAD / HTTP/1.1\r\nHost: shop.example\r\nAccept-Encoding: br\r\n\r\n");
  await scene.client.has("\r\n\r\n");
  assert.equal(
    scene.client.text,
    `HTTP/1.1 200 OK\r\n${DATE}${HTML}Content-Encoding: br\r\nVary: Accept-Encoding\r\nETag: W/"a"\r\n\r\n`,
  );
});

test("a client that holds what was compressed is told of it under the tag that it knows", async () => {
  await using scene = await start(
    answering(`HTTP/1.1 304 Not Modified\r\n${DATE}ETag: "a"\r\n\r\n`),
  );
  scene.client.say(get('Accept-Encoding: br\r\nIf-None-Match: W/"a"\r\n'));
  await scene.client.has("\r\n\r\n");
  scene.client.say(get('If-None-Match: "a"\r\n', "/2"));
  await scene.client.until(
    ({ statuses, text }) => statuses.length === 2 && text.endsWith("\r\n\r\n"),
  );
  const tags = scene.client.text.match(/^ETag: .*$/gm)?.map((line) => line.trim());
  assert.deepEqual(tags, ['ETag: W/"a"', 'ETag: "a"']);
});

test("the first bytes do not wait for the next ones, whatever the coding", async () => {
  for (const coding of ["zstd", "br", "gzip"]) {
    await using scene = await start(
      answeringOnce(`HTTP/1.1 200 OK\r\n${HTML}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`),
    );
    scene.client.say(accept(coding));
    // The backend says nothing more: what came must be out, in a whole chunk.
    await scene.client.until(({ text }) => /\r\n\r\n[0-9a-f]+\r\n[\s\S]{5,}\r\n$/.test(text));
  }
});

test("trailers follow the compressed content to a client that takes them", async () => {
  await using scene = await start(
    answering(
      `HTTP/1.1 200 OK\r\n${HTML}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n`,
    ),
  );
  scene.client.say(get("Accept-Encoding: gzip\r\nTE: trailers\r\nConnection: TE\r\n"));
  await scene.client.has("\r\n0\r\nX-Sum: 7\r\n\r\n");
  assert.equal(gunzipSync(unchunked(scene.client.text)).toString(), "hello");
});

test("an answer that its backend cuts never ends cleanly", async () => {
  const cut = (connection: Recorded) =>
    connection.socket.end(page(HTML).slice(0, 40_000), "latin1");
  for (const version of ["1.1", "1.0"]) {
    await using scene = await start(async (connection) => {
      await connection.head();
      cut(connection);
    });
    scene.client.say(
      `GET / HTTP/${version}\r\nHost: shop.example\r\nAccept-Encoding: gzip\r\n\r\n`,
    );
    await scene.client.gone().catch(() => undefined);
    const { text, wasReset } = scene.client;
    assert.doesNotMatch(text, /\r\n0\r\n\r\n$/);
    if (version === "1.0" && text.startsWith("HTTP/1.1 200")) assert.ok(wasReset);
  }
});

test("answers beyond the number of compressors go out as they are", async () => {
  const open = `HTTP/1.1 200 OK\r\n${HTML}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`;
  const before = limits.compressorsMax;
  Object.assign(limits, { compressorsMax: 1 });
  try {
    await using scene = await start(answering(open));
    scene.client.say(accept("gzip"));
    await scene.client.has("Content-Encoding: gzip");
    await using other = await start(answering(open));
    using second = await RawClient.connect(scene.world.port);
    second.say(accept("gzip"));
    await second.has("hello");
    assert.doesNotMatch(second.text, /Content-Encoding/);
    assert.match(second.text, /Vary: Accept-Encoding/);
    other.client.say(accept("gzip"));
    await other.client.has("Content-Encoding: gzip");
  } finally {
    Object.assign(limits, { compressorsMax: before });
  }
});

test("a client that takes nothing holds its backend up, and gets every byte in the end", async () => {
  // Noise, which no coding makes smaller: more than sockets hold.
  const size = 33_554_432;
  const noise = randomBytes(size);
  let given = 0;
  await using scene = await start(async (connection) => {
    await connection.head();
    const { socket } = connection;
    socket.write(`HTTP/1.1 200 OK\r\n${HTML}Content-Length: ${size}\r\n\r\n`);
    for (let at = 0; at < size; at += 65_536) {
      const isTaken = socket.write(noise.subarray(at, at + 65_536));
      given = at + 65_536;
      if (!isTaken) await once(socket, "drain");
    }
  });
  const { socket } = scene.client;
  const pieces: string[] = [];
  socket.removeAllListeners("data").on("data", (text: string) => pieces.push(text));
  socket.pause();
  scene.client.say(get("Accept-Encoding: zstd\r\nConnection: close\r\n"));
  for (let before = -1; given === 0 || before !== given; ) {
    before = given;
    for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  }
  assert.ok(given < size, `the backend gave all ${given} bytes`);
  socket.resume();
  await scene.client.finished();
  assert.ok(zstdDecompressSync(unchunked(pieces.join(""))).equals(noise));
});

test("An answer with as many fields as are let in is compressed with all of them", async () => {
  const most = limits.headMaxFields - 3; // beside those of a page
  const many = Array.from({ length: most }, (_, index) => `X-N${index}: 1\r\n`).join("");
  await using scene = await start(answering(page(`${HTML}${many}`)));
  scene.client.say(accept("gzip"));
  await scene.client.has("\r\n\r\n");
  const head = headOf(scene.client.text);
  for (const line of [HTML, "X-N0: 1", `X-N${most - 1}: 1`, "Content-Encoding: gzip", "Vary: "])
    assert.ok(head.includes(`\r\n${line}`), line);
});
