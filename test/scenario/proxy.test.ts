import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
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

test("two words are a whole front door: certificate, backend, and a file by which other commands find it", async (t) => {
  await using folder = await temporaryFolder();
  const port = await startService(t);
  const child = proxy(
    folder.path,
    "shop.example",
    `${port}`,
    "--internal",
    "--https",
    "0",
    "--http",
    "0",
  );
  t.after(() => child.kill("SIGKILL"));
  let https = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, ...facts } = JSON.parse(line);
    if (event === "process.started") https = facts.https;
    if (event === "certificate.swapped") break;
  }
  const state = join(folder.path, "latchkey-proxy");
  const asked = await runProgram("curl", [
    ...["-sS", "--cacert", join(state, "storage/authority/root.pem")],
    ...["--resolve", `shop.example:${https}:127.0.0.1`, `https://shop.example:${https}/`],
  ]);
  assert.equal(asked.stdout, `for shop.example:${https}`);
  const file = join(state, "shop.example.yaml");
  const certs = await runProgram("sh", ["src/latchkey.sh", "certs", "--config", file]);
  assert.match(certs.stdout, /shop\.example +valid/);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
});

/** What cannot be: exit code 2, a line that says why, and nothing written. */
const wrong: readonly (readonly [words: readonly string[], says: RegExp])[] = [
  [["not a host", "3001"], /: hosts\["not a host"\]: is not a host/],
  [["shop.example", "ftp://x"], /: hosts\["shop\.example"\]\.to: /],
  [["shop.example", "99999"], /: hosts\["shop\.example"\]\.to: /],
  [["nas", "3001"], /no public authority certifies "nas"/],
  [["shop.example"], /missing required argument 'backend'/],
];

for (const [words, says] of wrong) {
  test(`\`latchkey proxy ${words.join(" ")}\` is refused, and says why`, async () => {
    await using folder = await temporaryFolder();
    const child = proxy(folder.path, ...words);
    let told = "";
    child.stderr.on("data", (chunk: Buffer) => {
      told += chunk.toString();
    });
    const [code] = await once(child, "close");
    assert.equal(code, 2, told);
    assert.match(told, says);
    await assert.rejects(readFile(join(folder.path, "latchkey-proxy")), { code: "ENOENT" });
  });
}
