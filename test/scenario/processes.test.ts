import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { BoundSocket } from "node:net";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { failures, handshake } from "../support/handshakes.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";

const config = `
workers: 2
hosts:
  up.localhost: { respond: ok }
`;

/** One program for all that it survives, in this order; then it is killed itself. */
const latchkey = await Latchkey.start({ config });
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped");

const isManager = ({ child }: LogLine) => child === "manager";

/** The workers that have not ended, the oldest first; by the log, since the manager may be in no state to say. */
function workerPids(): number[] {
  const ended = new Set(
    latchkey.lines.filter(({ event }) => event === "worker.exited").map(({ child }) => child),
  );
  return latchkey.lines
    .filter(
      (line) => line.event === "process.ready" && !isManager(line) && !ended.has(line["child"]),
    )
    .map(({ pid }) => Number(pid));
}

function oldestWorker(): number {
  return workerPids()[0] ?? assert.fail("no worker");
}

function managerPid(): number {
  const ready = latchkey.lines.filter((line) => line.event === "process.ready" && isManager(line));
  return Number(ready.at(-1)?.["pid"]);
}

test("D1: a killed worker is replaced, and none of 1,000 connections opened after the kill fails", async () => {
  const victim = oldestWorker();
  const replaced = latchkey.nextEvent("process.ready");
  process.kill(victim, "SIGKILL");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 1_000), 0);
  await replaced;
  const { workers } = await latchkey.status();
  assert.equal(workers.length, 2);
  assert.ok(workers.every(({ pid }) => pid !== victim));
});

test("D3: a killed manager is back within a second or two and orders nothing again", async () => {
  const back = latchkey.nextEvent("process.ready", isManager);
  process.kill(managerPid(), "SIGKILL");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 100), 0);
  await back;
  const { hosts } = await latchkey.status();
  assert.equal(hosts[0]?.state, "valid");
  assert.equal(latchkey.count("order.started"), 1);
});

test("D4: with the manager stopped and a worker killed, no connection to a stored host fails", async () => {
  const manager = managerPid();
  process.kill(manager, "SIGSTOP");
  try {
    const replaced = latchkey.nextEvent("process.ready", (line) => !isManager(line));
    process.kill(oldestWorker(), "SIGKILL");
    assert.equal(await failures(latchkey.httpsPort, "up.localhost", 300), 0);
    await replaced;
    assert.equal(await failures(latchkey.httpsPort, "up.localhost", 300), 0);
  } finally {
    wake(manager);
  }
});

/** Lets a stopped process go on, unless it was taken for hung and replaced meanwhile. */
function wake(pid: number): void {
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It is gone.
  }
}

test("D9: a worker that hangs is killed and replaced", async () => {
  const victim = oldestWorker();
  process.kill(victim, "SIGSTOP");
  const { child } = await latchkey.event("process.hung", ({ pid }) => pid === victim);
  const exited = await latchkey.event("worker.exited", (line) => line["child"] === child);
  assert.equal(exited["signal"], "SIGKILL");
  await latchkey.nextEvent("process.ready");
});

test("when the supervisor is killed its children end by themselves", async () => {
  const pids = [...workerPids(), managerPid()];
  assert.equal(pids.length, 3);
  latchkey.process.kill("SIGKILL");
  await latchkey.exited;
  for (const pid of pids) await gone(pid);
});

/** Resolves when no process has this id any more; nothing tells us of the end of another's child. */
async function gone(pid: number): Promise<void> {
  const until = performance.now() + 20_000;
  while (performance.now() < until) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await delay(10);
  }
  assert.fail(`process ${pid} is still there`);
}

/** Where plain HTTP sends a visitor. */
async function redirectOf(port: number, host: string, path: string): Promise<string | undefined> {
  const sent = request({ host: "127.0.0.1", port, path, headers: { host } });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.headers.location;
}

test("sockets handed over by LISTEN_FDS are taken in place of the configured ones, and SIGINT twice within a second counts once", async () => {
  const https = new BoundSocket({ host: "127.0.0.1", port: 0 });
  const http = new BoundSocket({ host: "127.0.0.1", port: 0 });
  await using inheriting = await Latchkey.spawn({
    config,
    listen: "",
    env: { LISTEN_FDS: "2", LISTEN_FDNAMES: "http:https" },
    inherit: [http.fd(), https.fd()],
  });
  const started = await inheriting.event("process.started");
  const { port } = https.address();
  assert.deepEqual([started["https"], started["http"]], [port, http.address().port]);
  https.close();
  http.close();
  await inheriting.event("certificate.swapped");
  await handshake(Number(started["https"]), "up.localhost");
  assert.equal(
    await redirectOf(Number(started["http"]), "up.localhost", "/a?b"),
    `https://up.localhost:${port}/a?b`,
  );
  inheriting.process.kill("SIGINT");
  assert.equal(await inheriting.stop("SIGINT"), 0);
});
