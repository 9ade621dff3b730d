import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fillStorage } from "../support/filled-storage.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey, type LatchkeyOptions } from "../support/latchkey.ts";
import { alone } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

/** How long until it takes connections; then the power is cut. */
async function startedIn(options: LatchkeyOptions): Promise<number> {
  let started: Latchkey | undefined;
  const took = await alone(async () => {
    started = await Latchkey.start(options);
  });
  await using latchkey = started ?? assert.fail("it has not started");
  assert.equal(latchkey.count("order.started"), 0);
  await latchkey.kill();
  return took;
}

/** The first start finds what was stopped in order; the others what was cut. */
const CUTS = 3;
const sizes = [
  { count: 100, withinMs: 3_000 },
  { count: 1_000, withinMs: 10_000 },
];

for (const { count, withinMs } of sizes) {
  test(`D5: with ${count} hosts in storage everything is served ${withinMs / 1_000} s after a power cut, and nothing is ordered`, async (t) => {
    await using folder = await temporaryFolder();
    const storage = join(folder.path, "storage");
    const hosts = Array.from({ length: count }, (_, nth) => `h${nth}.localhost`);
    await fillStorage(storage, hosts);
    const lines = hosts.map((host) => `  ${host}: { respond: ok }\n`);
    const config = `workers: 2\nhosts:\n${lines.join("")}`;
    const times: number[] = [];
    for (let cuts = 0; cuts < CUTS; cuts += 1) times.push(await startedIn({ config, storage }));
    await using latchkey = await Latchkey.start({ config, storage });
    const servedMs = await alone(async () => {
      const serials = new Set<string>();
      for (const host of hosts) {
        const seen = await shakeHands(latchkey, host, { rejectUnauthorized: false });
        if ("serial" in seen) serials.add(seen.serial);
      }
      assert.equal(serials.size, count);
    });
    const took = Math.min(...times.slice(1)); // what else runs here only adds to it
    t.diagnostic(
      `${times.map(Math.round).join(" ")} ms, then ${Math.round(servedMs / count)} ms a host`,
    );
    assert.ok(took <= withinMs, `${took} ms`);
    assert.equal(latchkey.count("order.started"), 0);
    assert.ok((await latchkey.status()).hosts.every(({ state }) => state === "valid"));
  });
}
