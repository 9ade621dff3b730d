import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { askForHost } from "../../src/admin/client.ts";
import { limits } from "../../src/config/limits.ts";
import { amount } from "../support/full-numbers.ts";
import { Latchkey } from "../support/latchkey.ts";
import { startLoad } from "../support/load.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { alone } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

const HOSTS = ["a.localhost", "b.localhost"];
const [HOST = ""] = HOSTS;
const config = `
workers: 2
hosts:
${HOSTS.map((host) => `  ${host}: { respond: ok }`).join("\n")}
  "*.localhost": { respond: ok, onDemand: { allow: [new.localhost, other.localhost] } }
`;
const UNAVAILABLE = { alert: 80 };

async function start(): Promise<Latchkey> {
  const latchkey = await Latchkey.start({ config });
  for (const name of HOSTS)
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
  return latchkey;
}

/** New connections and requests to every host, while `work` is done: none of them fails. */
async function servedDuring(latchkey: Latchkey, work: () => Promise<void>): Promise<string> {
  await using load = startLoad(latchkey.httpsPort, HOSTS, readFileSync(latchkey.root, "utf8"));
  await using client = await SteadyClient.start(latchkey, HOST);
  await work();
  const [handshakes, requests] = [await load.stop(), await client.stop()];
  assert.deepEqual(handshakes.failed, []);
  assert.deepEqual(requests.failed, []);
  return `${handshakes.count} handshakes and ${requests.answers} requests, the slowest in ${Math.round(requests.worstMs)} ms`;
}

async function managerOf(latchkey: Latchkey): Promise<number> {
  const ready = latchkey.lines.findLast(
    ({ event, child }) => event === "process.ready" && child === "manager",
  );
  return Number(ready?.["pid"] ?? assert.fail("no manager"));
}

const KILLED_MS = amount(5_000, 60_000);
/** On a machine that is busy in a way that work does not show. */
const SLACK = 3;

test(`D3: in the ${KILLED_MS / 1_000} s after the manager is killed no handshake and no request fails, it is back within a second as a rule, and nothing is ordered again`, async (t) => {
  await using latchkey = await start();
  const orders = latchkey.count("order.started");
  let backMs = Number.POSITIVE_INFINITY;
  const served = await servedDuring(latchkey, async () => {
    const back = latchkey.nextEvent("process.ready", ({ child }) => child === "manager");
    const startedAt = performance.now();
    backMs = await alone(async () => {
      process.kill(await managerOf(latchkey), "SIGKILL");
      await back;
    });
    await delay(KILLED_MS - (performance.now() - startedAt)); // what this test is about
  });
  t.diagnostic(`back in ${Math.round(backMs)} ms; ${served}`);
  assert.ok(backMs <= SLACK * 1_000, `${backMs} ms`);
  assert.equal(latchkey.count("order.started"), orders);
});

const AWAY_MS = amount(8_000, 600_000);

test(`D4: with the manager away for ${AWAY_MS / 1_000} s, and each worker killed meanwhile, stored hosts are served; a new name gets its alert within a second, and its certificate when the manager is back`, async (t) => {
  await using latchkey = await start();
  const format = join(latchkey.storage, "FORMAT");
  const known = await readFile(format, "utf8");
  const served = await servedDuring(latchkey, async () => {
    const startedAt = performance.now();
    await writeFile(format, "999\n"); // of a program newer than this one: no manager works with it
    process.kill(await managerOf(latchkey), "SIGKILL");
    await latchkey.event("manager.exited", ({ signal }) => signal === "SIGKILL");
    await delay(limits.managerReturnMs); // so long a visitor may wait for it
    const took = await alone(async () => {
      assert.deepEqual(await shakeHands(latchkey, "new.localhost"), UNAVAILABLE);
    });
    assert.ok(took <= 1_000, `${took} ms`);
    await delay(AWAY_MS - (performance.now() - startedAt));
  });
  t.diagnostic(served);
  // Their connections are lost with them; whoever comes is served by those that follow.
  for (const { pid } of workersReady(latchkey)) {
    const replaced = latchkey.nextEvent("process.ready");
    process.kill(pid, "SIGKILL");
    await replaced;
  }
  await servedDuring(latchkey, async () => {
    assert.ok((await waitedMs(latchkey)) <= limits.managerReturnMs + 2_000);
  });

  await writeFile(format, known);
  await latchkey.nextEvent("process.ready", ({ child }) => child === "manager");
  assert.ok("serial" in (await shakeHands(latchkey, "other.localhost")));
  assert.equal(latchkey.count("order.started"), HOSTS.length + 1);
});

/** A worker that has never met a manager waits once; how long. */
async function waitedMs(latchkey: Latchkey): Promise<number> {
  return await alone(async () => {
    assert.deepEqual(await shakeHands(latchkey, "new.localhost"), UNAVAILABLE);
  });
}

/** As the log has it: nobody answers on the admin socket. */
function workersReady(latchkey: Latchkey): { readonly pid: number }[] {
  const gone = new Set(
    latchkey.lines.flatMap(({ event, child }) => (event === "worker.exited" ? [child] : [])),
  );
  return latchkey.lines.flatMap(({ event, child, pid }) =>
    event === "process.ready" && child !== "manager" && !gone.has(child)
      ? [{ pid: Number(pid) }]
      : [],
  );
}

const STOPPED_MS = amount(10_000, 60_000);

test(`D10: while the supervisor is stopped for ${STOPPED_MS / 1_000} s no handshake and no request fails, and when it goes on nobody is replaced and nothing ordered twice`, async (t) => {
  await using latchkey = await start();
  const served = await servedDuring(latchkey, async () => {
    const visitor = shakeHands(latchkey, "new.localhost").catch((error: unknown) => error);
    await latchkey.event("order.started", ({ host }) => host === "new.localhost");
    latchkey.process.kill("SIGSTOP");
    await delay(STOPPED_MS);
    latchkey.process.kill("SIGCONT");
    await visitor;
    // No worker heard of the challenge: the CA was not told, and the order goes on where it was.
    await latchkey.event("certificate.failed", ({ code }) => code === "PROCESS_UNREACHABLE");
    const socket = join(latchkey.storage, "admin.sock");
    await askForHost(
      socket,
      { host: "new.localhost", action: "retry", reason: undefined },
      () => {},
    );
    await latchkey.event("certificate.swapped", ({ host }) => host === "new.localhost");
  });
  t.diagnostic(served);
  assert.ok("serial" in (await shakeHands(latchkey, "new.localhost")));
  assert.equal(latchkey.count("order.created"), HOSTS.length + 1);
  assert.equal(latchkey.count("worker.exited") + latchkey.count("manager.exited"), 0);
  assert.equal(latchkey.count("process.hung"), 0);
});
