import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { BoundSocket } from "node:net";
import { test } from "node:test";
import { failures, handshake } from "../support/handshakes.ts";
import { Latchkey } from "../support/latchkey.ts";

const config = `
workers: 2
hosts:
  up.localhost: { respond: ok }
`;

/** Where plain HTTP sends a visitor. */
async function redirectOf(port: number, host: string, path: string): Promise<string | undefined> {
  const sent = request({ host: "127.0.0.1", port, path, headers: { host } });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.headers.location;
}

async function workerPids(latchkey: Latchkey): Promise<number[]> {
  return (await latchkey.status()).workers.map(({ pid }) => pid);
}

async function oneWorker(latchkey: Latchkey): Promise<number> {
  return (await workerPids(latchkey))[0] ?? assert.fail("no worker");
}

test("D1: a killed worker is replaced, and none of 1,000 connections opened after the kill fails", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const victim = await oneWorker(latchkey);
  const replaced = latchkey.nextEvent("process.ready");
  process.kill(victim, "SIGKILL");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 1_000), 0);
  await replaced;
  assert.ok(!(await workerPids(latchkey)).includes(victim));
});

test("D4: with the manager stopped and a worker killed, no connection to a stored host fails", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const victim = await oneWorker(latchkey);
  const ready = await latchkey.event("process.ready", ({ child }) => child === "manager");
  const manager = Number(ready["pid"]);
  process.kill(manager, "SIGSTOP");
  try {
    const replaced = latchkey.nextEvent("process.ready", ({ child }) => child !== "manager");
    process.kill(victim, "SIGKILL");
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

test("D3: a killed manager is back within a second or two and orders nothing again", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const ready = await latchkey.event("process.ready", ({ child }) => child === "manager");
  const back = latchkey.nextEvent("process.ready", ({ child }) => child === "manager");
  process.kill(Number(ready["pid"]), "SIGKILL");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 100), 0);
  await back;
  const { hosts } = await latchkey.status();
  assert.equal(hosts[0]?.state, "valid");
  assert.equal(latchkey.count("order.started"), 1);
});

test("a first visitor who comes while the manager is being replaced gets the certificate", async () => {
  await using latchkey = await Latchkey.start({
    config: `acme: { issue: first-visit }\n${config}`,
  });
  const ready = await latchkey.event("process.ready", ({ child }) => child === "manager");
  process.kill(Number(ready["pid"]), "SIGKILL");
  await latchkey.event("manager.exited");
  await handshake(latchkey.httpsPort, "up.localhost");
});

test("D9: a worker that hangs is killed and replaced", async () => {
  await using latchkey = await Latchkey.start({ config });
  const victim = await oneWorker(latchkey);
  process.kill(victim, "SIGSTOP");
  const hung = await latchkey.event("process.hung");
  assert.equal(hung["pid"], victim);
  await latchkey.event("worker.exited", ({ signal }) => signal === "SIGKILL");
  await latchkey.nextEvent("process.ready");
});

test("when the supervisor is killed its children end by themselves", async () => {
  await using latchkey = await Latchkey.start({ config });
  const pids = await workerPids(latchkey);
  const ready = await latchkey.event("process.ready", ({ child }) => child === "manager");
  latchkey.process.kill("SIGKILL");
  await latchkey.exited;
  for (const pid of [...pids, Number(ready["pid"])]) await gone(pid);
});

/** Resolves when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  const until = performance.now() + 20_000;
  while (performance.now() < until) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.fail(`process ${pid} is still there`);
}

test("D12: SIGTERM ends the program with 0, at once when nothing is open", async () => {
  await using latchkey = await Latchkey.start({ config });
  assert.equal(await latchkey.stop("SIGTERM"), 0);
});

test("the same signal twice within a second counts once", async () => {
  await using latchkey = await Latchkey.start({ config });
  latchkey.process.kill("SIGINT");
  assert.equal(await latchkey.stop("SIGINT"), 0);
});

test("sockets handed over by LISTEN_FDS are taken in place of the configured ones", async () => {
  const https = new BoundSocket({ host: "127.0.0.1", port: 0 });
  const http = new BoundSocket({ host: "127.0.0.1", port: 0 });
  await using latchkey = await Latchkey.spawn({
    config,
    listen: "",
    env: { LISTEN_FDS: "2", LISTEN_FDNAMES: "http:https" },
    inherit: [http.fd(), https.fd()],
  });
  const started = await latchkey.event("process.started");
  const { port } = https.address();
  assert.deepEqual([started["https"], started["http"]], [port, http.address().port]);
  https.close();
  http.close();
  await latchkey.event("certificate.swapped");
  await handshake(Number(started["https"]), "up.localhost");
  assert.equal(
    await redirectOf(Number(started["http"]), "up.localhost", "/a?b"),
    `https://up.localhost:${port}/a?b`,
  );
});
