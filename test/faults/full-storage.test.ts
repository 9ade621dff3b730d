import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { amount } from "../support/full-numbers.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { skipSmallDisk as skip, smallDisk } from "../support/small-disk.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { alone } from "../support/strain.ts";

const OLD = "old.localhost";
const NEW = "new.localhost";
const configOf = (...names: readonly string[]) =>
  `workers: 1\nhosts:\n${names.map((name) => `  ${name}: { respond: ok }`).join("\n")}\n`;
const FULL_MS = amount(12_000, 300_000);
const MINUTE_MS = 60_000;

/** What the log says of the disk: no complaint of it more than once a minute. */
function complaints(lines: readonly LogLine[]): readonly LogLine[] {
  return lines.filter(({ code }) => code === "STORAGE_FAILED");
}

test(`S1: with the disk full for ${FULL_MS / 1_000} s a stored host is served, nothing is asked of a CA, the log complains once a minute at most, and a new host has its certificate within seconds of there being room`, {
  skip,
}, async (t) => {
  await using disk = await smallDisk();
  disk.grow();
  const storage = join(disk.path, "storage");
  {
    await using first = await Latchkey.start({ config: configOf(OLD), storage });
    await first.event("certificate.swapped");
    assert.equal(await first.stop(), 0);
  }
  await disk.fill(0);
  await using latchkey = await Latchkey.start({ config: configOf(OLD, NEW), storage });
  await using client = await SteadyClient.start(latchkey, OLD);
  await latchkey.event("certificate.failed", ({ host }) => host === NEW);
  await delay(FULL_MS); // what this test is about
  const { failed, answers } = await client.stop();
  assert.ok(answers > 0);
  assert.deepEqual(failed, []);
  assert.equal(latchkey.count("order.created") + latchkey.count("account.created"), 0);
  const said = complaints(latchkey.lines).map(({ event, host }) => `${event} ${host ?? ""}`);
  t.diagnostic(said.join(", "));
  for (const each of new Set(said)) {
    const times = said.filter((other) => other === each).length;
    assert.ok(times <= 1 + FULL_MS / MINUTE_MS, `${each} ${times} times`);
  }

  const roomMs = await alone(async () => {
    await disk.free();
    await latchkey.nextEvent("certificate.swapped", ({ host }) => host === NEW);
  });
  t.diagnostic(`a certificate ${Math.round(roomMs / 1_000)} s after there was room`);
  assert.ok(roomMs <= MINUTE_MS / 2, `${roomMs} ms`);
});
