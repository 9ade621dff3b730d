import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { Latchkey } from "../support/latchkey.ts";
import { skipSmallDisk, smallDisk } from "../support/small-disk.ts";
import { openRaw } from "../support/visitor.ts";

/** Each leaves an access line of more than 2 KiB: that many are more than is kept for a reader. */
const REQUESTS = 4_000;
const PER_CONNECTION = 500;
const PIPELINED = 10;
const LONG = "a".repeat(2_000);

const configOf = (access: string) =>
  `workers: 1\nlog: { access: ${access} }\nhosts:\n  a.localhost: { respond: ok }\n`;

/** So many requests, one after another; every one has its answer. */
async function askOften(latchkey: Latchkey, path = LONG): Promise<void> {
  const request = `GET /${path} HTTP/1.1\r\nHost: a.localhost\r\n\r\n`;
  for (let asked = 0; asked < REQUESTS; asked += PER_CONNECTION) {
    using client = await openRaw(latchkey, "a.localhost");
    for (let said = PIPELINED; said <= PER_CONNECTION; said += PIPELINED) {
      client.say(request.repeat(PIPELINED));
      await client.until(({ statuses }) => statuses.length === said);
    }
    assert.deepEqual(new Set(client.statuses), new Set([200]));
  }
}

test("S14: while nobody reads the log every request is answered; what did not fit is counted, and told when somebody reads again", async (t) => {
  await using latchkey = await Latchkey.start({ config: configOf("on") });
  await latchkey.event("certificate.swapped");
  const pid = (await latchkey.status()).workers[0]?.pid ?? 0;
  await askOften(latchkey, "short"); // its memory is what it is under load
  await told(latchkey, REQUESTS);
  const before = await residentOf(pid);
  latchkey.process.stdout?.pause();
  await askOften(latchkey);
  const grownMiB = ((await residentOf(pid)) - before) / 2 ** 20;
  t.diagnostic(`${grownMiB.toFixed(1)} MiB`);
  assert.ok(grownMiB <= 16, `${grownMiB} MiB`);
  latchkey.process.stdout?.resume();
  const dropped = await latchkey.event("log.dropped");
  await told(latchkey, 2 * REQUESTS);
  assert.equal(dropped["process"], "worker 1");
});

test("S14: a program whose log nobody reads still ends at SIGTERM", async () => {
  await using latchkey = await Latchkey.start({ config: configOf("on") });
  await latchkey.event("certificate.swapped");
  latchkey.process.stdout?.pause();
  await askOften(latchkey);
  assert.equal(await latchkey.stop(), 0);
});

test("S14: a program whose log nobody reads any more goes on", async () => {
  await using latchkey = await Latchkey.start({ config: configOf("on") });
  await latchkey.event("certificate.swapped");
  latchkey.process.stdout?.destroy();
  await askOften(latchkey);
  assert.equal(await latchkey.stop(), 0);
});

test("S14: with the disk of the access log full every request is answered, and what did not fit is counted when there is room", {
  skip: skipSmallDisk,
}, async () => {
  await using disk = await smallDisk();
  const file = join(disk.path, "access.log");
  await using latchkey = await Latchkey.start({ config: configOf(file) });
  await latchkey.event("certificate.swapped");
  await askOften(latchkey);
  const failing = await latchkey.event("log.failing");
  assert.deepEqual([failing["path"], failing["code"]], [file, "ENOSPC"]);
  const { troubles } = await latchkey.status();
  assert.deepEqual(
    troubles.map(({ kind }) => kind),
    ["log.failing"],
  );
  disk.grow();
  assert.equal(await latchkey.stop(), 0);
  const recovered = await latchkey.event("log.recovered");
  const kept = (await linesOf(file)).map((line) => JSON.parse(line));
  const dropped = kept.flatMap(({ event, lines }) => (event === "log.dropped" ? lines : []));
  const done = kept.filter(({ event }) => event === "request.done");
  assert.equal(done.length + dropped.reduce((sum, lines) => sum + lines, 0), REQUESTS);
  assert.deepEqual(dropped, [recovered["lines"]]);
});

/** Resolves when so many requests are in the log, or counted as dropped. */
async function told(latchkey: Latchkey, requests: number): Promise<void> {
  const count = () =>
    latchkey.lines.reduce((sum, { event, lines }) => {
      if (event === "log.dropped") return sum + Number(lines);
      return event === "request.done" ? sum + 1 : sum;
    }, 0);
  const until = performance.now() + 20_000;
  while (count() < requests && performance.now() < until) await turn();
  assert.equal(count(), requests);
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, "utf8")).trimEnd().split("\n");
}

/** Bytes of memory that the process has. */
async function residentOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
}
