import assert from "node:assert/strict";
import { test } from "node:test";
import { FRAME, FrameClient, headers, request } from "../support/h2-frames.ts";
import { Latchkey } from "../support/latchkey.ts";
import { OK, Recorder } from "../support/recorder.ts";
import { openTls } from "../support/visitor.ts";

const HOST = "shop.localhost";
const GET = request({ ":authority": HOST });

async function open(latchkey: Latchkey): Promise<FrameClient> {
  const secured = await openTls(latchkey, HOST, { ALPNProtocols: ["h2", "http/1.1"] });
  assert.equal(secured.alpnProtocol, "h2");
  return new FrameClient(secured);
}

test("A reload and SIGTERM both say GOAWAY to HTTP/2, finish what is under way, and lose nothing", async () => {
  await using backend = await Recorder.start();
  const config = `workers: 1\nhosts:\n  ${HOST}: ${backend.port}\n`;
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  for (const [turn, signal] of (["SIGHUP", "SIGTERM"] as const).entries()) {
    using idle = await open(latchkey);
    using busy = await open(latchkey);
    idle.say(headers(1, request({ ":authority": "other.localhost" })));
    await idle.until(() => idle.hasEnd(1));
    assert.equal(idle.status(1), 421);
    busy.say(headers(1, GET));
    const waiting = await backend.connection(turn);
    await waiting.head();

    latchkey.process.kill(signal);
    await idle.closed();
    assert.equal(idle.goawayCode, "NO_ERROR");
    await busy.until(() => busy.of(FRAME.goaway).length > 0);
    assert.deepEqual([busy.goawayCode, busy.goawayLast], ["NO_ERROR", 1]);
    if (signal === "SIGHUP") {
      using next = await open(latchkey);
      next.say(headers(1, request({ ":authority": "other.localhost" })));
      await next.until(() => next.hasEnd(1));
    }
    waiting.say(OK);
    await busy.closed();
    assert.deepEqual([busy.status(1), busy.hasEnd(1)], [200, true]);
  }
  assert.equal(await latchkey.exited, 0);
});
