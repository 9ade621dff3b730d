import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import WebSocket from "ws";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";
import { FILE, startSite } from "../support/site.ts";

/** The programs that people use against us, with no check turned off. */
const HOST = "localhost";
const world = new AsyncDisposableStack();
after(() => world.disposeAsync());
const folder = await mkdtemp(join(tmpdir(), "latchkey-clients-"));
world.defer(() => rm(folder, { recursive: true, force: true }));
const upload = join(folder, "upload");
await writeFile(upload, "x".repeat(1_000_000));
const large = join(folder, "large");
await writeFile(large, FILE);
const site = world.use(await startSite());
const latchkey = world.use(
  await Latchkey.start({
    config: `workers: 1\nhosts: { ${HOST}: { to: ${site.port}, maxBody: 2MiB } }`,
  }),
);
await latchkey.event("certificate.swapped");
const origin = `https://${HOST}:${latchkey.httpsPort}`;

for (const version of ["http1.1", "http2"] as const) {
  const told = version === "http2" ? "2" : "1.1";

  test(`curl --${version} gets a page`, async () => {
    const { stdout } = await curl(version, [
      "-w",
      "%{http_version} %{http_code}",
      `${origin}/script.js`,
    ]);
    assert.equal(stdout, `document.title += ' is open'${told} 200`);
  });

  test(`curl --${version} uploads, after a 100 that it waited for`, async () => {
    const expect = ["-v", "-H", "Expect: 100-continue", "--expect100-timeout", "30"];
    const { stdout, stderr } = await curl(version, [...expect, "-T", upload, `${origin}/upload`]);
    assert.equal(stdout, "1000000");
    assert.match(stderr, /^< HTTP\/\S+ 100/m);
  });

  test(`curl --${version} gets a range`, async () => {
    const { stdout } = await curl(version, [
      "-r",
      "10-19",
      "-w",
      " %{http_code}",
      `${origin}/file`,
    ]);
    assert.equal(stdout, `${FILE.subarray(10, 20)} 206`);
  });

  test(`curl --${version} gets a file of ten megabytes, every byte`, async () => {
    const target = join(folder, version);
    await curl(version, ["-o", target, `${origin}/file`]);
    assert.ok((await readFile(target)).equals(FILE));
  });

  test(`curl --${version} is told that an answer was cut`, async () => {
    const { code, stdout } = await curl(version, [`${origin}/cut`], version === "http2" ? 92 : 18);
    assert.equal(stdout, "half", `exit code ${code}`);
  });

  test(`curl --${version} gets fifty pages over one connection`, async () => {
    const pages = Array.from({ length: 50 }, (_, index) => `${origin}/pixel.svg?${index}`);
    const { stdout } = await curl(version, [
      "-o",
      "/dev/null",
      "-w",
      "%{num_connects}\n",
      ...pages.flatMap((page) => [page, "-o", "/dev/null"]),
    ]);
    const connects = stdout.trim().split("\n").map(Number);
    assert.equal(connects.length, 50);
    assert.equal(
      connects.reduce((sum, each) => sum + each, 0),
      1,
    );
  });
}

/** Uploads that are refused before they have come. */
const refused: readonly (readonly [what: string, args: readonly string[], status: number])[] = [
  ["a host that is not served", ["-H", "Host: other.example"], 421],
  ["a path that takes no more than two megabytes", [], 413],
  ["an Expect that nobody knows", ["-H", "Expect: nope"], 417],
];
for (const [what, args, status] of refused) {
  for (const file of [upload, large]) {
    const size = file === upload ? "one megabyte" : "ten megabytes";
    if (file === upload && status === 413) continue;
    test(`curl --http2 reads ${status} to an upload of ${size} for ${what}, and asks for a page then`, async () => {
      const form = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"];
      const page = ["--next", "--http2", "--cacert", latchkey.root, "-sS", `${origin}/pixel.svg`];
      const { stdout } = await curl("http2", [
        ...[...form, ...args, "-T", file, `${origin}/upload`],
        ...[...page, ...form],
      ]);
      assert.equal(stdout, `${status} 1\n200 0\n`);
    });
  }
}

const loads: readonly (readonly [
  what: string,
  requests: number,
  args: readonly string[],
  path: string,
])[] = [
  ["eight connections of sixteen streams", 2_000, ["-c", "8", "-m", "16"], "/pixel.svg"],
  [
    "ten megabytes each, through windows of 4 KiB",
    10,
    ["-c", "2", "-m", "5", "-w", "12", "-W", "12"],
    "/file",
  ],
  ["uploads of a megabyte", 50, ["-c", "2", "-m", "5", "-d", upload], "/upload"],
  ["HTTP/1.1", 2_000, ["-c", "8", "--h1"], "/pixel.svg"],
];
for (const [what, requests, args, path] of loads) {
  test(`h2load is answered every time: ${what}`, async () => {
    const { code, stdout } = await runProgram("h2load", [
      "-n",
      `${requests}`,
      ...args,
      `${origin}${path}`,
    ]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, new RegExp(`^requests: .* ${requests} succeeded, 0 failed`, "m"));
    assert.match(stdout, new RegExp(`^status codes: ${requests} 2xx`, "m"));
  });
}

test("nghttp gets a page and all its parts over one connection", async () => {
  const { code, stdout } = await runProgram("nghttp", ["-ans", origin]);
  assert.equal(code, 0, stdout);
  const statuses = stdout
    .match(/ (\d{3}) +\S+ (?=\/)/g)
    ?.map((each) => Number(each.trim().slice(0, 3)));
  assert.deepEqual(statuses, [200, 200, 200, 200]);
});

test("ws echoes text and a megabyte, agrees on compression, answers pings and closes with its code", async () => {
  const ca = await readFile(latchkey.root);
  const socket = new WebSocket(`${origin.replace("https", "wss")}/echo`, { ca });
  await once(socket, "open");
  socket.send("hello");
  const [text] = await once(socket, "message");
  assert.equal(`${text}`, "hello");
  const bytes = randomBytes(1_000_000);
  socket.send(bytes);
  const [echo] = await once(socket, "message");
  assert.ok(bytes.equals(echo));
  assert.match(socket.extensions, /permessage-deflate/);
  socket.ping("are you there");
  const [pong] = await once(socket, "pong");
  assert.equal(`${pong}`, "are you there");
  socket.close(4_001, "done");
  const [code, reason] = await once(socket, "close");
  assert.deepEqual([code, `${reason}`], [4_001, "done"]);
});

async function curl(version: "http1.1" | "http2", args: readonly string[], wanted = 0) {
  const outcome = await runProgram("curl", [
    `--${version}`,
    "-sS",
    "--cacert",
    latchkey.root,
    ...args,
  ]);
  assert.equal(outcome.code, wanted, outcome.stderr);
  return outcome;
}
