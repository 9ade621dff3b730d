import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";
import { hangingUpEarly } from "../support/hang-up-early.ts";

/** A service that says which host it was asked for. */
async function startService(t: TestContext): Promise<number> {
  const server = createServer((request, response) => response.end(`for ${request.headers.host}`));
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return port;
}

/** SIGHUP while it starts ends it no more than `latchkey run`. */
const proxy = (state: string, ...words: readonly string[]) =>
  spawn("sh", ["src/latchkey.sh", "proxy", ...words], {
    env: { ...process.env, XDG_STATE_HOME: state, NODE_OPTIONS: hangingUpEarly },
    stdio: ["ignore", "pipe", "pipe"],
  });

const anyPorts = ["--internal", "--https", "0", "--http", "0"];

/** One that runs until the test ends, and has its certificate. */
async function startProxy(t: TestContext, state: string, host: string, backend: number) {
  const child = proxy(state, host, `${backend}`, ...anyPorts);
  t.after(() => child.kill("SIGKILL"));
  let https = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, ...facts } = JSON.parse(line);
    if (event === "process.started") https = facts.https;
    if (event === "certificate.swapped") break;
  }
  return { child, https };
}

/** How one ends that cannot run, and what it says. */
async function refused(state: string, ...words: readonly string[]) {
  const child = proxy(state, ...words);
  const [told, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  return { code, told };
}

async function ask(state: string, host: string, https: number): Promise<string> {
  const { stdout } = await runProgram("curl", [
    ...["-sS", "--cacert", join(state, "latchkey-proxy", host, "storage/authority/root.pem")],
    ...["--resolve", `${host}:${https}:127.0.0.1`, `https://${host}:${https}/`],
  ]);
  return stdout;
}

test("two words are a whole front door: certificate, backend, and a file by which other commands find it", async (t) => {
  await using folder = await temporaryFolder();
  const { child, https } = await startProxy(t, folder.path, "Shop.Example", await startService(t));
  assert.equal(await ask(folder.path, "shop.example", https), `for shop.example:${https}`);
  const file = join(folder.path, "latchkey-proxy/shop.example/latchkey.yaml");
  const certs = await runProgram("sh", ["src/latchkey.sh", "certs", "--config", file]);
  assert.match(certs.stdout, /shop\.example +valid/);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});

test("two hosts have a program each at once; a second one for a host is refused, and leaves the first its file", async (t) => {
  await using folder = await temporaryFolder();
  const backend = await startService(t);
  const [shop, wiki] = await Promise.all([
    startProxy(t, folder.path, "shop.example", backend),
    startProxy(t, folder.path, "wiki.example", backend),
  ]);
  assert.equal(
    await ask(folder.path, "shop.example", shop.https),
    `for shop.example:${shop.https}`,
  );
  assert.equal(
    await ask(folder.path, "wiki.example", wiki.https),
    `for wiki.example:${wiki.https}`,
  );
  const file = join(folder.path, "latchkey-proxy/shop.example/latchkey.yaml");
  const before = await readFile(file, "utf8");
  const { code, told } = await refused(folder.path, "SHOP.example", "9", ...anyPorts);
  assert.equal(code, 1, told);
  assert.match(
    told,
    new RegExp(`is running already as process ${shop.child.pid}; stop it first, or`),
  );
  assert.equal(await readFile(file, "utf8"), before);
});

test("a port that is taken is told with the options that choose another", async (t) => {
  await using folder = await temporaryFolder();
  const port = await startService(t);
  const words = ["shop.example", "3001", "--https", `${port}`, "--http", "0"];
  const { code, told } = await refused(folder.path, ...words);
  assert.equal(code, 1, told);
  assert.match(told, /Cannot listen on .*; --https PORT and --http PORT choose other ports/);
});

test("an address is one host, with brackets or without, and a name of any length has its folder", async (t) => {
  await using folder = await temporaryFolder();
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.example`;
  for (const [host, name] of [
    ["[::1]", /^%3A%3A1$/],
    [long, /^a{20}-[0-9a-f]{16}$/],
  ] as const) {
    const child = proxy(folder.path, host, "3001", ...anyPorts);
    t.after(() => child.kill("SIGKILL"));
    const [line] = await once(createInterface({ input: child.stderr }), "line");
    const file = line.replace("latchkey: other commands find this program by --config ", "");
    assert.match(basename(dirname(file)), name, line);
  }
});

/** What cannot be: exit code 2, one line that says why in the words of the command, and nothing written. */
const wrong: readonly (readonly [words: readonly string[], says: RegExp])[] = [
  [["not a host", "3001", "--internal"], /^latchkey: HOST: is not a host name, wanted [^\n]+\n$/],
  [["to", "ftp://x", "--internal"], /^latchkey: BACKEND: has an unknown scheme, [^\n]+\n$/],
  [["shop.to", "99999"], /^latchkey: BACKEND: is not a port, [^\n]+\n$/],
  [["nas", "3001"], /^latchkey: HOST: no public authority certifies "nas", wanted --internal\n$/],
  [["[::1]", "3001"], /^latchkey: HOST: no public .+ "::1", wanted --internal\n$/],
  [["shop.example"], /missing required argument 'backend'/],
];

for (const [words, says] of wrong) {
  test(`\`latchkey proxy ${words.join(" ")}\` is refused, and says why`, async () => {
    await using folder = await temporaryFolder();
    const { code, told } = await refused(folder.path, ...words);
    assert.equal(code, 2, told);
    assert.match(told, says);
    await assert.rejects(readFile(join(folder.path, "latchkey-proxy")), { code: "ENOENT" });
  });
}
