import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { fillStorage } from "../support/filled-storage.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey, type LatchkeyOptions } from "../support/latchkey.ts";
import { alone } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

/** How long until it takes connections, and then until each host has had a handshake. */
interface Served {
  readonly startMs: number;
  readonly handshakesMs: number;
}

/** Starts it, has a first handshake with every host, and cuts the power. */
async function serve(options: LatchkeyOptions, hosts: readonly string[]): Promise<Served> {
  let started: Latchkey | undefined;
  const startMs = await alone(async () => {
    started = await Latchkey.start(options);
  });
  await using latchkey = started ?? assert.fail("it has not started");
  const serials = new Set<string>();
  const handshakesMs = await alone(async () => {
    for (const host of hosts) {
      const seen = await shakeHands(latchkey, host, { ca: "", rejectUnauthorized: false });
      if ("serial" in seen) serials.add(seen.serial);
    }
  });
  assert.equal(serials.size, hosts.length);
  assert.equal(latchkey.count("order.started"), 0);
  assert.ok((await latchkey.status()).hosts.every(({ state }) => state === "valid"));
  await latchkey.kill();
  return { startMs, handshakesMs };
}

/** The first start finds what was stopped in order; the others what was cut. */
const STARTS = 4;
/** A machine that does much else is no slower than that, beyond what is seen of its strain. */
const SLACK = 3;
const sizes = [
  { count: 100, withinMs: 3_000 },
  { count: 1_000, withinMs: 10_000 },
];

for (const { count, withinMs } of sizes) {
  const [goal, most] = [withinMs, SLACK * withinMs].map((ms) => ms / 1_000);
  test(`D5: with ${count} hosts in storage each has had its handshake ${goal} s after a power cut (${most} s on a busy machine), and nothing is ordered`, async (t) => {
    await using folder = await temporaryFolder();
    const storage = join(folder.path, "storage");
    const hosts = Array.from({ length: count }, (_, nth) => `h${nth}.localhost`);
    await fillStorage(storage, hosts);
    const lines = hosts.map((host) => `  ${host}: { respond: ok }\n`);
    const config = `workers: 2\nhosts:\n${lines.join("")}`;
    for (let start = 0; start < STARTS; start += 1) {
      const { startMs, handshakesMs } = await serve({ config, storage }, hosts);
      const [started, shook] = [startMs, handshakesMs].map(Math.round);
      t.diagnostic(`start ${start}: ${started} ms, then ${shook} ms for all handshakes`);
      if (start === 0) continue;
      assert.ok(startMs + handshakesMs <= SLACK * withinMs, `${startMs} + ${handshakesMs} ms`);
    }
  });
}
