import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "../../src/config/limits.ts";
import { H2Client } from "../support/h2-client.ts";
import { OK, type Script } from "../support/recorder.ts";
import { RelayScene } from "../support/relay-world.ts";

const KIB = 1_024;
const POST = { ":method": "POST" };
const CONNECT = {
  ":method": "CONNECT",
  ":protocol": "websocket",
  ":path": "/refused",
  "sec-websocket-version": "13",
};

/** Uploads that are answered before they have come, and with what. */
const refusals: readonly (readonly [
  what: string,
  fields: Readonly<Record<string, string>>,
  status: number,
])[] = [
  ["for a host that is not served here", { ...POST, ":authority": "other.example" }, 421],
  [
    "with too many fields",
    { ...POST, ...Object.fromEntries(Array.from({ length: 97 }, (_, at) => [`x-${at}`, ""])) },
    431,
  ],
  ["with an Expect that is not known", { ...POST, expect: "nope" }, 417],
  ["with a method nobody knows", { ":method": "NOSUCH" }, 501],
  ["with the scheme http", { ...POST, ":scheme": "http" }, 400],
  ["that say that they are too long", { ...POST, "content-length": "" }, 413],
  ["that are found to be too long", POST, 413],
  ["that the backend refuses", { ...POST, ":path": "/refused" }, 403],
  ["into a tunnel that nobody knows", { ...CONNECT, ":protocol": "other" }, 501],
  ["into a tunnel that the backend refuses", CONNECT, 403],
];

const REFUSED = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";

/** Refuses one path at once, waits for the body of another, and answers a third when it is told to. */
function backendScript(told: Promise<void>): Script {
  return async (connection) => {
    for (let from = 0; ; from = connection.text.length) {
      await connection.head(from);
      const asked = connection.text.slice(from);
      if (asked.startsWith("GET /slow ")) await told;
      if (/^\S+ \/refused /.test(asked)) connection.say(REFUSED);
      else if (asked.startsWith("GET ")) connection.say(OK);
      else return;
    }
  };
}

for (const [what, fields, status] of refusals) {
  for (const kib of [64, 10 * KIB]) {
    test(`Uploads ${what}, of ${kib} KiB, are answered ${status}, and their neighbours are served`, async (t) => {
      const { tickMs } = limits;
      t.after(() => Object.assign(limits, { tickMs }));
      Object.assign(limits, { tickMs: 10 });
      const told = Promise.withResolvers<void>();
      const routed = status === 413 ? { maxBodyBytes: 32 * KIB } : {};
      const script = backendScript(told.promise);
      await using scene = await RelayScene.start(script, routed, { protocol: "h2" });
      using client = await H2Client.connect(scene.world.port);
      const neighbour = client.ask({ ":path": "/slow" });
      for (let turn = 0; turn < 3; turn += 1) {
        const length = "content-length" in fields ? { "content-length": `${kib * KIB}` } : {};
        const upload = client.ask({ ...fields, ...length }, true);
        Readable.from(Array.from({ length: kib }, () => Buffer.alloc(KIB))).pipe(upload.stream);
        await upload.closed();
        assert.deepEqual([upload.status, upload.code], [status, 0]);
      }
      await sleep(3 * limits.tickMs);
      told.resolve();
      assert.equal((await neighbour.closed()).status, 200);
      assert.equal((await client.get({ ":path": "/after" })).status, 200);
    });
  }
}
