import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { shakeHands } from "../support/visitor.ts";

const name = "shop.localhost";
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
