import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";
import type { Latchkey, LogLine } from "../support/latchkey.ts";
import { startLoad } from "../support/load.ts";

const HOST = "a.shop.example";
const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
const LEAF = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/;

test("C10: a window that moves into the past renews at once after a restart, and the new one keeps its moment", async () => {
  await using world = await CaWorld.start();
  const storage = join(world.folder, "storage");
  const config = `acme: { issuers: [${world.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`;
  const folder = join(storage, "certificates", HOST);
  await using first = await world.start(config, { storage });
  await first.event("renewal-info.received");
  const row = await settledRow(first, HOST);
  const { start, end } = row.renewalInfo ?? assert.fail("there is no window");
  assert.ok(String(row.renewAt) >= start && String(row.renewAt) <= end);
  await first.stop();

  const leaf = await leafOf(storage, HOST);
  const explanationURL = "https://ca.example/incident";
  const suggestedWindow = { start: at(-2), end: at(-1) };
  await world.pebble.setRenewalInfo(leaf, JSON.stringify({ suggestedWindow, explanationURL }));
  // Pebble asks for six hours between two looks: the next one is moved up where it is kept.
  const file = join(folder, "renewal.json");
  const kept = JSON.parse(await readFile(file, "utf8"));
  assert.equal(kept.window.pickedAt, row.renewAt);
  await writeFile(file, JSON.stringify({ ...kept, nextCheckAt: at(0) }));

  await using second = await world.start(config, { storage });
  const { explanationUrl } = await second.event("renewal-info.explained");
  assert.equal(explanationUrl, explanationURL);
  const order = await second.event("order.created");
  assert.match(String(order["replaces"]), /^[\w-]+\.[\w-]+$/);
  const { serial } = await second.event("certificate.swapped");
  assert.notEqual(serial, row.serial);
  await second.event("renewal-info.received", (line) => String(line["renewAt"]) > at(24));
  const renewed = await settledRow(second, HOST);
  assert.deepEqual([renewed.state, renewed.attempts], ["valid", 0]);
  assert.equal(world.asked.issued, 2);
});

const HOSTS = ["a", "b", "c", "d", "e", "f"].map((label) => `${label}.shop.example`);
/** Pebble makes serials of 64 bits. */
const SERIAL_DIGITS = 16;
/** How often the program asks, told as a limit of its configuration. */
const POLL_S = 2;
/** Two polls see the news and have acted; threefold, for machines that do other things as well. */
const RENEWED_WITHIN_MS = 3 * 2 * POLL_S * 1_000;

test("windows that a CA moves into the past renew every host while it runs, with no failed handshake, and each certificate once", async (t) => {
  await using started = await startWithWholeSerials();
  const { world, latchkey } = started;
  await using load = startLoad(world.httpsPort, HOSTS, await world.pebble.roots());

  const revokedSoon = { start: at(-2), end: at(-1) };
  await moveWindows(world, latchkey, { suggestedWindow: revokedSoon });
  const movedAt = performance.now();
  await everyHost(latchkey, "order.created", ({ replaces }) => replaces !== undefined);
  const startedMs = performance.now() - movedAt;
  await Promise.all(HOSTS.map((host) => served(latchkey, host, 2)));
  const tookMs = performance.now() - movedAt;
  t.diagnostic(
    `${HOSTS.length} renewals ordered within ${startedMs.toFixed()} ms, in use within ${tookMs.toFixed()} ms of the move`,
  );
  assert.ok(tookMs < RENEWED_WITHIN_MS, `${tookMs} ms`);

  // The CA goes on hurrying: the new ones rest, until half a day after the hurry before.
  await moveWindows(world, latchkey, { suggestedWindow: { start: at(-4), end: at(-3) } });
  await everyHost(latchkey, "renewal-info.received", ({ renewAt }) => {
    const hours = (Date.parse(String(renewAt)) - Date.now()) / 3_600_000;
    return hours > 11 && hours <= 12;
  });
  const explanationURL = "https://ca.example/again";
  await moveWindows(world, latchkey, {
    suggestedWindow: { start: at(-6), end: at(-5) },
    explanationURL,
  });
  await everyHost(latchkey, "renewal-info.explained");
  const { count, failed, seen } = await load.stop();
  assert.deepEqual(failed, [], `of ${count} handshakes`);
  for (const host of HOSTS) assert.equal(seen.get(host)?.size, 2, host);
  assert.equal(latchkey.count("certificate.failed"), 0);
  const twice = 2 * HOSTS.length;
  assert.deepEqual(world.asked, { accounts: 1, orders: twice, issued: twice });
});

test("a renewal of what was replaced already is ordered again at once, without saying so", async () => {
  await using world = await CaWorld.start();
  const [storage, older] = [join(world.folder, "storage"), join(world.folder, "older")];
  const config = `acme: { issuers: [${world.issuer()}] }\nhosts: { ${HOST}: { respond: ok } }`;
  await using first = await world.start(config, { storage });
  await first.event("certificate.swapped");
  await first.stop();
  await cp(storage, older, { recursive: true, verbatimSymlinks: true });

  await using second = await world.start(config, { storage });
  assert.equal((await renew(second)).code, 0);
  assert.match(String((await second.event("order.created"))["replaces"]), /^[\w-]+\.[\w-]+$/);
  await second.stop();
  await rm(storage, { recursive: true });

  await using third = await world.start(config, { storage: older });
  const { code, stdout } = await renew(third);
  assert.equal(code, 0, stdout);
  const minded = await third.event("order.not-replacing");
  assert.deepEqual(
    [minded["status"], minded["type"]],
    [409, "urn:ietf:params:acme:error:alreadyReplaced"],
  );
  assert.equal((await third.event("order.created"))["replaces"], undefined);
  assert.equal(third.count("order.started"), 1);
  assert.equal(third.count("certificate.failed"), 0);
  const row = await settledRow(third, HOST);
  assert.deepEqual([row.state, row.attempts, row.servedSerial], ["valid", 0, row.serial]);
  assert.deepEqual(world.asked, { accounts: 1, orders: 3, issued: 3 });
});

/** Of a serial that begins with a zero byte Pebble finds no order to replace, and answers 500: then it is done all over again. */
async function startWithWholeSerials() {
  for (;;) {
    await using stack = new AsyncDisposableStack();
    const world = stack.use(await CaWorld.start());
    const latchkey = stack.use(
      await world.start(`
workers: 2
limits: { orderPaceMs: 0, renewalInfoMinMs: 1s, renewalInfoMaxMs: ${POLL_S}s }
acme: { issuers: [${world.issuer()}] }
hosts:
${HOSTS.map((host) => `  ${host}: { respond: ok }`).join("\n")}`),
    );
    await everyHost(latchkey, "renewal-info.received");
    const swapped = latchkey.lines.filter(({ event }) => event === "certificate.swapped");
    if (swapped.some(({ serial }) => String(serial).length < SERIAL_DIGITS)) continue;
    const all = stack.move();
    return { world, latchkey, [Symbol.asyncDispose]: () => all.disposeAsync() };
  }
}

async function leafOf(storage: string, host: string): Promise<string> {
  const file = join(storage, "certificates", host, "current", "chain.pem");
  return LEAF.exec(await readFile(file, "utf8"))?.[0] ?? "";
}

/** What the CA says from now on of the certificates in use. */
async function moveWindows(world: CaWorld, { storage }: Latchkey, info: object): Promise<void> {
  for (const host of HOSTS)
    await world.pebble.setRenewalInfo(await leafOf(storage, host), JSON.stringify(info));
}

async function everyHost(
  latchkey: Latchkey,
  event: string,
  matches: (line: LogLine) => boolean = () => true,
): Promise<void> {
  for (const host of HOSTS)
    await latchkey.event(event, (line) => line["host"] === host && matches(line));
}

/** Resolves when the `nth` certificate of a host is in use. */
async function served(latchkey: Latchkey, host: string, nth: number): Promise<void> {
  const isIt = (line: LogLine) => line.event === "certificate.swapped" && line["host"] === host;
  await latchkey.event("certificate.swapped", (line) => {
    return latchkey.lines.filter(isIt).indexOf(line) === nth - 1;
  });
}

function renew({ file }: Latchkey) {
  return runProgram("sh", ["src/latchkey.sh", "renew", HOST, "--config", file]);
}
