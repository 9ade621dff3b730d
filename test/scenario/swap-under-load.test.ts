import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { openRaw, openTls, serialSeen, shakeHands, visit } from "../support/visitor.ts";

const name = "shop.localhost";
/** Certificates of a minute that are due again within seconds. */
const config = `
workers: 2
authority: { lifetime: 1m }
renewal: { at: 90%, checkEvery: 1s }
hosts:
  ${name}: { respond: still here }
`;
/** By the authority's advice: neither half of the life nor `checkEvery` is in its window. */
const advised = await Latchkey.start({
  config: `
workers: 1
authority: { lifetime: 1m }
renewal: { checkEvery: 10m }
hosts:
  ${name}: { respond: ok }
`,
});
after(() => advised[Symbol.asyncDispose]());
const LIFE_MS = 60_000;
/** What a busy machine may take from the moment of a renewal to its order. */
const LATE_MAX_MS = 10_000;
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

// Its program started before the test above, during which its forty seconds have begun to pass.
test("certificates of a minute are renewed at the moment picked from the window that the internal authority advises", async () => {
  const told = await advised.event("renewal-info.received");
  const life = await advised.event("certificate.issued");
  const notBefore = Date.parse(String(life["notAfter"])) - LIFE_MS;
  const lived = (time: unknown) => (Date.parse(String(time)) - notBefore) / LIFE_MS;
  const [start, end, renewAt] = [told["start"], told["end"], told["renewAt"]].map(lived);
  assert.ok(Number(start) > 0.62 && Number(start) < 2 / 3, `from ${start} of the life on`);
  assert.ok(Number(end) > 2 / 3 && Number(end) < 0.71, `to ${end} of the life`);
  assert.ok(Number(renewAt) >= Number(start) && Number(renewAt) <= Number(end));

  const isRenewal = ({ replaces }: LogLine) => replaces !== undefined;
  const order = await advised.event("order.created", isRenewal);
  const lateMs = Date.parse(String(order["time"])) - Date.parse(String(told["renewAt"]));
  assert.ok(lateMs >= 0 && lateMs < LATE_MAX_MS, `${lateMs} ms after the moment picked`);
  const isNew = ({ serial }: LogLine) => serial !== life["serial"];
  const { serial } = await advised.event("certificate.swapped", isNew);
  assert.deepEqual(await shakeHands(advised, name), { serial });
  assert.equal(advised.count("order.created"), 2);
  assert.equal(advised.count("certificate.failed"), 0);
});
