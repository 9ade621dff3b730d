import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Latchkey } from "../../support/latchkey.ts";
import { share } from "../../support/shared-program.ts";
import { visit } from "../../support/visitor.ts";

const REQUESTS = 100;
/** In the eighth of a second before the other worker hears of it; if it never did, as many again as may pass. */
const UNKNOWN_MAX = 70;
/** Of one after the other, each on a connection of its own: both workers get many. */
const VISITS = 2.5 * REQUESTS;
/** Where a machine is busy, a request or two may come before the other worker has heard of those before. */
const FEW = [1, 2, 3, 4, 5].map((index) => `few-${index}.localhost`);

const start = share({
  workers: 2,
  hosts: `
  rated.localhost: { respond: ok, rateLimit: { requests: ${REQUESTS}, per: 1h } }
${FEW.map((name) => `  ${name}: { respond: ok, rateLimit: { requests: 6, per: 1h } }`).join("\n")}`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of ["rated.localhost", ...FEW])
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
});

test("a client with many connections has one rate over both workers", async (t) => {
  let passed = 0;
  for (let request = 0; request < VISITS; request += 1) {
    const { status } = await visit(latchkey, "rated.localhost");
    if (status === 200) passed += 1;
    else assert.equal(status, 429);
  }
  t.diagnostic(`${passed} passed`);
  assert.ok(passed >= REQUESTS && passed < REQUESTS + UNKNOWN_MAX, `${passed} passed`);
});

test("of a few requests one after the other, over both workers, as many pass as may", async (t) => {
  const passed: number[] = [];
  for (const name of FEW) {
    let passes = 0;
    for (let request = 0; request < 20; request += 1)
      if ((await visit(latchkey, name)).status === 200) passes += 1;
    passed.push(passes);
    if (passes === 6) break;
  }
  t.diagnostic(`${passed.join(", ")} passed`);
  assert.equal(passed.at(-1), 6);
});
