import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { patiently } from "../../src/cli/patiently.ts";
import { Storage } from "../../src/storage/storage.ts";
import { KeptLog } from "../support/authority-world.ts";
import { temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** A program that is away until `backAfterMs`; how long whoever asks for it waits on a clock that only asking moves. */
async function waitFor(backAfterMs: number, storage: string) {
  const clock = new ManualClock();
  const since = clock.now();
  const ask = async () => {
    if (clock.now() - since >= backAfterMs) return "answered";
    const cause = Object.assign(new Error("nobody listens"), { code: "ECONNREFUSED" });
    throw new LatchkeyError("NOT_RUNNING", "Cannot ask", {}, { cause });
  };
  const asking = patiently(ask, { storage, unanswered: false }, clock).catch(() => "given up");
  let outcome: string | undefined;
  void asking.then((said) => {
    outcome = said;
  });
  while (outcome === undefined) {
    clock.advance(100);
    await new Promise(setImmediate);
  }
  return { outcome, waitedMs: clock.now() - since };
}

test("a program that holds the lease of its storage is waited for longer than one that may be dead", async () => {
  await using folder = await temporaryFolder();
  const storage = await Storage.open({ root: folder.path, clock: systemClock, log: new KeptLog() });
  const dead = await waitFor(8_000, folder.path);
  assert.equal(dead.outcome, "given up");
  assert.ok(dead.waitedMs >= 5_000, `${dead.waitedMs}`);
  await using _held = storage;
  await storage.acquire(new AbortController().signal);
  assert.equal((await waitFor(8_000, folder.path)).outcome, "answered");
});

test("nor is it waited for without an end", async () => {
  await using folder = await temporaryFolder();
  await using storage = await Storage.open({
    ...{ root: folder.path, clock: systemClock, log: new KeptLog() },
  });
  await storage.acquire(new AbortController().signal);
  const { outcome, waitedMs } = await waitFor(3_600_000, folder.path);
  assert.equal(outcome, "given up");
  assert.ok(waitedMs >= 30_000, `${waitedMs}`);
});
