import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer as createHttp2, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { startNameServer } from "../support/name-server.ts";
import { closeServer } from "../support/tls-door.ts";
import { browse } from "../support/visit.ts";

const NAME = "moving.example";
const [OLD, NEW] = ["127.0.0.5", "127.0.0.6"];
/** The TTL of a second, the second between two looks whether it is over, and a margin; threefold is allowed. */
const FOLLOWS_MAX_MS = 3 * 3_000;

let address = OLD;
const nameServer = await startNameServer(
  (type, name) =>
    name === NAME && type === "A"
      ? { answers: [{ type, name, ttl: 1, data: address }] }
      : { answers: [] },
  { host: "127.0.0.1", port: 53 },
);
after(() => nameServer[Symbol.asyncDispose]());

/** Both addresses are this machine's: each request is answered with the one that its connection is to. */
const plain = createHttp(({ socket }, response) => response.end(socket.localAddress));
const http2 = createHttp2().on("stream", (stream: ServerHttp2Stream) => {
  stream.end(stream.session?.socket.localAddress);
});

test("steady traffic follows a name that moves, over HTTP/1.1 and HTTP/2, while its old address still answers", async (t) => {
  const [http, h2c] = [await portOf(plain), await portOf(http2)];
  const hosts = `{ one.localhost: { to: "http://${NAME}:${http}" }, two.localhost: { to: "h2c://${NAME}:${h2c}" } }`;
  await using latchkey = await Latchkey.start({
    config: `workers: 1\nlimits: { nameGoneMs: 0s }\nhosts: ${hosts}\n`,
  });
  const root = readFileSync(latchkey.root, "utf8");
  const ask = async (host: string) => (await browse(latchkey.httpsPort, host, root)).body;
  const all = ["one.localhost", "two.localhost"];
  for (const host of all) assert.equal(await ask(host), OLD);
  address = NEW;
  const movedAt = performance.now();
  for (const host of all) {
    while ((await ask(host)) !== NEW)
      assert.ok(performance.now() - movedAt < FOLLOWS_MAX_MS, `${host} stays where it was`);
    t.diagnostic(`${host} followed after ${Math.round(performance.now() - movedAt)} ms`);
  }
});

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, "0.0.0.0"), "listening");
  after(() => closeServer(server));
  return (server.address() as AddressInfo).port;
}
