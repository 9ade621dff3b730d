import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { H2Client } from "../support/h2-client.ts";
import { type Answering, Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { forwardTo, RelayWorld } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const CALLS = 1_000;
/** As many at once as one session takes. */
const AT_ONCE = 50;
const GRPC = { ":method": "POST", "content-type": "application/grpc", te: "trailers" };
const TRAILERS = { "grpc-status": "0" };

/** How calls end, by their paths; the client takes some of the last kind back itself. */
const answers: Readonly<Record<string, Answering>> = {
  "/whole": ({ stream }) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers(TRAILERS));
    stream.resume().pipe(stream);
  },
  "/refused": ({ stream }) =>
    stream.respond({ ":status": 200, "grpc-status": "9" }, { endStream: true }),
  "/without-trailers": ({ stream }) => {
    stream.respond({ ":status": 200 });
    stream.end("message");
  },
  "/reset": ({ stream }) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.write("message", () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM));
  },
  "/taken-back": ({ stream }) => {
    stream.respond({ ":status": 200 });
    stream.write("message");
  },
};
const paths = Object.keys(answers);

test(`B9: After ${CALLS} calls of every kind no stream is left, and after the idle time no session`, async (t) => {
  const pass = holdTicks(t);
  await using backend = await Http2Backend.start((asked) =>
    answers[`${asked.headers[":path"]}`]?.(asked),
  );
  const action = forwardTo([h2cBackend(backend.port)]);
  await using world = await RelayWorld.start({ action, protocol: "h2" });
  const ends: Record<string, Set<string>> = {};
  for (let done = 0; done < CALLS; done += AT_ONCE) {
    const client = await H2Client.connect(world.port);
    const calls = Array.from({ length: AT_ONCE }, async (_, at) => {
      const path = paths[at % paths.length] ?? "";
      const call = client.ask({ ...GRPC, ":path": path }, true);
      call.stream.end("message");
      if (path === "/taken-back") {
        await once(call.stream, "data");
        call.stream.close(constants.NGHTTP2_CANCEL);
      }
      await call.closed();
      ends[path] ??= new Set();
      ends[path].add(`${call.status} ${call.isEnded} ${call.code}`);
    });
    await Promise.all(calls);
    client[Symbol.dispose]();
    pass(1_000); // for what clients may take back
  }
  assert.deepEqual(
    Object.fromEntries(Object.entries(ends).map(([path, seen]) => [path, [...seen]])),
    {
      "/whole": ["200 true 0"],
      "/refused": ["200 true 0"],
      "/without-trailers": ["200 true 0"],
      "/reset": ["200 false 11"],
      "/taken-back": ["200 false 8"],
    },
  );
  const isOpen = ({ stream }: (typeof backend.asked)[number]) => !stream.destroyed;
  while (world.relay.open > 0 || backend.asked.some(isOpen)) await new Promise(setImmediate);
  assert.equal(backend.asked.length, CALLS);
  const left = backend.sessions.filter(({ destroyed }) => !destroyed);
  assert.ok(left.length > 0, "sessions are kept");
  pass(limits.backendSessionIdleMs + MARGIN_MS);
  await Promise.all(left.map((session) => session.destroyed || once(session, "close")));
});
