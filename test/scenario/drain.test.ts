import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { limits } from "../../src/config/limits.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Recorder } from "../support/recorder.ts";
import { alone } from "../support/strain.ts";
import { openRaw } from "../support/visitor.ts";

const get = "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";

async function start(port: number): Promise<Latchkey> {
  const config = `workers: 1\nhosts:\n  shop.localhost: ${port}\n`;
  const latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  return latchkey;
}

/** Resolves with the code of the error that a new connection meets. */
function connectError(port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ port, host: "127.0.0.1" }, () => resolve("connected"));
  socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
  return promise.finally(() => socket.destroy());
}

test("D12: SIGTERM lets an answer finish, closes what is idle at once, takes nothing new, and ends with 0", async () => {
  await using backend = await Recorder.start();
  await using latchkey = await start(backend.port);
  using idle = await openRaw(latchkey, "shop.localhost");
  using busy = await openRaw(latchkey, "shop.localhost");
  using half = await openRaw(latchkey, "shop.localhost");
  half.say(get);
  const answered = await backend.connection(0);
  await answered.head();
  answered.say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhal");
  await half.has("hal");
  busy.say(get);
  const waited = await backend.connection(1);
  await waited.head();

  latchkey.process.kill("SIGTERM");
  assert.equal(await idle.finished(), "");
  for (const port of [latchkey.httpsPort, latchkey.httpPort])
    assert.equal(await connectError(port), "ECONNREFUSED");

  answered.say("f");
  await half.has("half");
  await half.finished();
  waited.say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall");
  assert.match(await busy.finished(), /\r\nConnection: close\r\n\r\nall$/);
  assert.equal(await latchkey.exited, 0);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`D13: a second signal, ${signal}, more than a second after the first, ends the program within a second, with 1`, async () => {
    await using backend = await Recorder.start();
    await using latchkey = await start(backend.port);
    using client = await openRaw(latchkey, "shop.localhost");
    client.say(get);
    await (await backend.connection(0)).head();

    latchkey.process.kill("SIGTERM");
    await latchkey.event("process.draining");
    await delay(1.1 * limits.signalRepeatMs); // what this test is about: no event marks this moment
    const took = await alone(async () => {
      assert.equal(await latchkey.stop(signal), 1);
    });
    assert.ok(took <= 1_000, `${took} ms`);
    assert.deepEqual(client.statuses, []);
  });
}
