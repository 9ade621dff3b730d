import assert from "node:assert/strict";
import { test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { openRaw, openTls, serialSeen, visit } from "../support/visitor.ts";

const name = "shop.localhost";
/** Certificates of a minute that are due again within seconds. */
const config = `
workers: 2
authority: { lifetime: 1m }
renewal: { at: 90%, checkEvery: 1s }
hosts:
  ${name}: { respond: still here }
`;
const VISITORS = 4;
const SWAPS = 3;

test("certificates are swapped under load, and no handshake or request fails", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const swapped = () =>
    latchkey.lines.flatMap(({ event, serial }) => (event === "certificate.swapped" ? serial : []));
  let isOver = false;
  let served = 0;

  /** A handshake and a request; after a swap nobody is shown what was live before it. */
  const visitor = async () => {
    while (!isOver) {
      const replaced = swapped().slice(0, -1);
      const socket = await openTls(latchkey, name);
      assert.ok(!replaced.includes(serialSeen(socket)), "a certificate that was replaced");
      socket.destroy();
      assert.equal((await visit(latchkey, name)).text, "still here");
      served += 1;
    }
  };
  using early = await openRaw(latchkey, name);
  const load = Promise.all(Array.from({ length: VISITORS }, visitor));
  const swaps = latchkey.event("certificate.swapped", () => swapped().length > SWAPS);
  await Promise.race([swaps, load]);

  const [row] = (await latchkey.status()).hosts;
  assert.equal(row?.serial, swapped().at(-1));
  assert.equal(row?.servedSerial, row?.serial);
  isOver = true;
  await load;
  assert.ok(served > SWAPS * VISITORS, `${served} visits`);
  assert.equal(new Set(swapped()).size, swapped().length);
  assert.equal(latchkey.count("certificate.swap-incomplete"), 0);
  assert.equal(latchkey.count("certificate.mismatch"), 0);

  early.say(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
  await early.has("still here");
});
