import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { endure } from "../support/endure.ts";
import { FRAME, FrameClient, fieldBlock, frame, request } from "../support/h2-frames.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Recorder } from "../support/recorder.ts";
import { openRaw, openTls } from "../support/visitor.ts";

const GOOD = "good.localhost";
const SHOP = "shop.localhost";
const ROUNDS = 30;
const AT_ONCE = 5;
const MIB = 1_048_576;
/** More than a head may have: then it is answered, whatever comes behind. */
const ENOUGH_BYTES = 20_000;

const backend = await Recorder.start();
const latchkey = await Latchkey.start({
  config: `
workers: 1
hosts:
  ${GOOD}: { respond: ok }
  ${SHOP}: ${backend.port}
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});
for (const name of [GOOD, SHOP])
  await latchkey.event("certificate.swapped", ({ host }) => host === name);

/** Sees that none of many such heads comes to the backend, and that they leave nothing; what each was answered. */
async function flood(t: TestContext, send: () => Promise<string>): Promise<ReadonlySet<string>> {
  await send(); // memory is compared with that of a worker whose code is loaded
  const answers: string[] = [];
  const sendSome = async () => {
    for (let round = 0; round < ROUNDS; round += AT_ONCE) answers.push(await send());
  };
  const flooded = { latchkey, good: GOOD, heldMib: 96, leftMib: 64 };
  await endure(t, flooded, () => Promise.all(Array.from({ length: AT_ONCE }, sendSome)));
  assert.equal(backend.requests, 0);
  return new Set(answers);
}

const line = (target: string) => `GET ${target} HTTP/1.1\r\nHost: ${SHOP}\r\n`;
const crumbs = Array.from({ length: 10_000 }, (_, index) => `c${index}=${index}`);

for (const { what, head, status } of [
  {
    what: "with a field of a MiB",
    head: `${line("/")}X-A: ${"a".repeat(MIB)}\r\n\r\n`,
    status: 431,
  },
  {
    what: "of ten thousand fields",
    head: `${line("/")}${"a: b\r\n".repeat(10_000)}\r\n`,
    status: 431,
  },
  { what: "with a target of a MiB", head: `${line(`/${"a".repeat(MIB)}`)}\r\n`, status: 414 },
  {
    what: "with ten thousand cookies in a field",
    head: `${line("/")}Cookie: ${crumbs.join("; ")}\r\n\r\n`,
    status: 431,
  },
  {
    what: "with ten thousand fields of a cookie each",
    head: `${line("/")}${crumbs.map((crumb) => `Cookie: ${crumb}\r\n`).join("")}\r\n`,
    status: 431,
  },
]) {
  test(`T27: heads ${what} are answered ${status}, cut, and leave nothing`, async (t) => {
    const answers = await flood(t, async () => {
      using client = await openRaw(latchkey, SHOP);
      client.socket.on("error", () => undefined); // it goes on after it was refused
      client.say(head.slice(0, ENOUGH_BYTES));
      await client.has("\r\n\r\n");
      client.say(head.slice(ENOUGH_BYTES));
      await client.gone();
      return client.statuses.join();
    });
    assert.deepEqual([...answers], [`${status}`]);
  });
}

/** HEADERS and as many CONTINUATIONs as it takes. */
function inFrames(fields: readonly (readonly [string, string])[]): Buffer {
  const block = fieldBlock([...request({ ":authority": SHOP }), ...fields]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < block.length; at += 16_384) {
    const flags = at + 16_384 < block.length ? 0 : 4;
    const piece = block.subarray(at, at + 16_384);
    if (at === 0) pieces.push(frame(FRAME.headers, flags | 1, 1, piece));
    else pieces.push(frame(FRAME.continuation, flags, 1, piece));
  }
  return Buffer.concat(pieces);
}

for (const { what, fields } of [
  { what: "with a field of 70 KB", fields: [["x-a", "a".repeat(70_000)]] as const },
  { what: "of ten thousand cookies", fields: crumbs.map((crumb) => ["cookie", crumb] as const) },
]) {
  test(`T27: heads of HTTP/2 ${what} are answered 431 or cut, and leave nothing`, async (t) => {
    const bytes = inFrames(fields);
    const answers = await flood(t, async () => {
      const socket = await openTls(latchkey, SHOP, { ALPNProtocols: ["h2"] });
      using client = new FrameClient(socket);
      client.say(bytes);
      await client.until((each) => each.has(1));
      const { isClosed, goawayCode = "cut" } = client;
      return isClosed ? goawayCode : `${client.status(1) || client.resetCode(1)}`;
    });
    t.diagnostic([...answers].join());
    for (const answer of answers)
      assert.match(answer, /^(431|cut|ENHANCE_YOUR_CALM|COMPRESSION_ERROR|INTERNAL_ERROR)$/);
  });
}
