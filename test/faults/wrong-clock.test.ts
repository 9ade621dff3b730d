import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../../src/base/clock.ts";
import { limits } from "../../src/config/limits.ts";
import { Storage } from "../../src/storage/storage.ts";
import { CountingCa } from "../support/counting-ca.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { keptLog, named } from "../support/stored.ts";
import { openTls, serialSeen, visit } from "../support/visitor.ts";
import { WrongClock } from "../support/wrong-clock.ts";

const DAY_MS = 86_400_000;
/** Certified by a CA that issues nothing more; 60 days are left. */
const kept = ["a.shop.example", "b.shop.example", "c.shop.example"];
/** Certified by the internal authority, for a week. */
const OWN = "own.localhost";
/** Between two orders at a CA of others. */
const PACE_MS = 2_000;
/** Each start is written down before it is told, which takes the disk now less, now more. */
const WRITTEN_MS = 500;
/** A visitor of an expired certificate waits so long for a renewal that is under way; the rest is for a busy machine. */
const WAIT_MAX_MS = limits.expiredWaitMs + 3_000;
const options = { ca: "", rejectUnauthorized: false };

async function store(root: string, ca: CountingCa): Promise<void> {
  await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  for (const host of kept)
    await storage.certificates.save(named(host), ca.certify(host), { issuer: ca.directory });
}

async function serialOf(latchkey: Latchkey, host: string): Promise<string> {
  const socket = await openTls(latchkey, host, options);
  try {
    return serialSeen(socket);
  } finally {
    socket.destroy();
  }
}

/** Does something while one visitor comes after the other, to all hosts in turns: none of them fails. How many came. */
async function amongVisitors(latchkey: Latchkey, work: () => Promise<void>): Promise<number> {
  let [count, isOver, longestMs] = [0, false, 0];
  const failed: string[] = [];
  const coming = (async () => {
    for (; !isOver; count += 1) {
      const host = [...kept, OWN][count % (kept.length + 1)] ?? OWN;
      const startedAt = performance.now();
      await visit(latchkey, host, options).then(
        ({ status }) => status !== 200 && failed.push(`${host}: ${status}`),
        (error: unknown) => failed.push(`${host}: ${error}`),
      );
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      await nextTurn();
    }
  })();
  try {
    await work();
  } finally {
    isOver = true;
    await coming;
  }
  assert.deepEqual(failed, []);
  assert.ok(longestMs <= WAIT_MAX_MS, `${longestMs} ms`);
  return count;
}

/** A process that has never seen the right time comes in place of the one that was started last. */
async function replace(latchkey: Latchkey, what: "manager" | "worker"): Promise<void> {
  const isOne = ({ event, child }: LogLine) =>
    event === "process.ready" && String(child).startsWith(what);
  const pid = Number(latchkey.lines.findLast(isOne)?.["pid"]);
  const ready = latchkey.nextEvent("process.ready", isOne);
  process.kill(pid, "SIGKILL");
  await ready;
}

test("K1, K2: under a clock that is set 90 days ahead, then a year back, then right, a running program serves every host, also by new processes and after a restart, fails no visitor, and orders at its pace", async (t) => {
  await using ca = await CountingCa.start({ advises: false });
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  await store(storage, ca);
  const clock = await WrongClock.start(folder.path);
  const entries = kept.map((host) => `  ${host}: { respond: ok, issuer: ${ca.issuer} }\n`);
  const config = `workers: 2\nrenewal: { checkEvery: 1s }\nhosts:\n${entries.join("")}  ${OWN}: { respond: ok }\n`;
  const running = { config, storage, env: clock.env };
  await using latchkey = await Latchkey.start(running);
  await latchkey.event("certificate.swapped", ({ host }) => host === OWN);
  const serials = new Map<string, string>();
  for (const host of kept) serials.set(host, await serialOf(latchkey, host));
  const servesKept = async (program: Latchkey) => {
    for (const host of kept) assert.equal(await serialOf(program, host), serials.get(host));
  };

  const isOrder = ({ event, host }: LogLine) => event === "order.started" && host !== OWN;
  const ahead = await amongVisitors(latchkey, async () => {
    await clock.set("+90d");
    for (const host of kept)
      await latchkey.event("certificate.failed", (line) => line["host"] === host);
    // A week is over: the authority's own clock is ahead, too.
    const isNew = ({ host, notAfter }: LogLine) =>
      host === OWN && Date.parse(String(notAfter)) > Date.now() + 90 * DAY_MS;
    await latchkey.event("certificate.issued", isNew);
    await servesKept(latchkey);
  });
  const starts = latchkey.lines.filter(isOrder).map(({ time }) => Date.parse(String(time)));
  const spanMs = (starts.at(-1) ?? 0) - (starts[0] ?? 0);
  assert.equal(starts.length, kept.length);
  assert.ok(spanMs >= (kept.length - 1) * PACE_MS - WRITTEN_MS, `${spanMs} ms`);
  await replace(latchkey, "worker");
  await servesKept(latchkey);

  const ordered = latchkey.lines.length;
  const behind = await amongVisitors(latchkey, async () => {
    await clock.set("-1y");
    await servesKept(latchkey);
    await replace(latchkey, "manager");
    await servesKept(latchkey);
  });
  await replace(latchkey, "worker");
  await servesKept(latchkey);
  assert.deepEqual(latchkey.lines.slice(ordered).filter(isOrder), []);

  const right = await amongVisitors(latchkey, async () => {
    await clock.set("+0");
    await servesKept(latchkey);
  });
  t.diagnostic(`${ahead}, ${behind} and ${right} visitors`);
  assert.equal(latchkey.count("process.hung"), 0);
  await latchkey.kill();

  for (const by of ["+90d", "-1y"] as const) {
    await clock.set(by);
    await using again = await Latchkey.start(running);
    await servesKept(again);
    await again.kill();
  }
});
