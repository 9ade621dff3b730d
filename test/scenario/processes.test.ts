import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { BoundSocket } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { Latchkey } from "../support/latchkey.ts";

const config = `
workers: 2
hosts:
  up.localhost: { respond: ok }
`;

/** One new TLS connection; resolves with the serial of the certificate, rejects when it fails. */
async function handshake(port: number, servername: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()?.serialNumber ?? "none";
  } finally {
    socket.destroy();
  }
}

/** Where plain HTTP sends a visitor. */
async function redirectOf(port: number, host: string, path: string): Promise<string | undefined> {
  const sent = request({ host: "127.0.0.1", port, path, headers: { host } });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.headers.location;
}

/** `count` connections, 20 at a time; how many failed. */
async function failures(port: number, servername: string, count: number): Promise<number> {
  let failed = 0;
  let left = count;
  const visitor = async () => {
    while (left > 0) {
      left -= 1;
      await handshake(port, servername).catch(() => {
        failed += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: 20 }, visitor));
  return failed;
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

test("both workers take connections", async () => {
  await using latchkey = await Latchkey.start({ config: `log: { access: on }\n${config}` });
  await latchkey.event("certificate.swapped");
  const served = new Set<unknown>();
  for (let round = 0; round < 50 && served.size < 2; round += 1) {
    await failures(latchkey.httpsPort, "unknown.example", 20);
    await latchkey.event("connection.refused");
    for (const { event, process } of latchkey.lines)
      if (event === "connection.refused") served.add(process);
  }
  assert.deepEqual([...served].sort(), ["worker 1", "worker 2"]);
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

test("SIGUSR1 opens no inspector in any process", async () => {
  await using latchkey = await Latchkey.start({ config });
  const ready = latchkey.lines.filter(({ event }) => event === "process.ready");
  for (const { pid } of ready) process.kill(Number(pid), "SIGUSR1");
  latchkey.process.kill("SIGUSR1");
  await assert.rejects(fetch("http://127.0.0.1:9229/json"));
});

test("S10: a second program on the same storage does not start, and says why", async () => {
  await using first = await Latchkey.start({ config });
  await using second = await Latchkey.spawn({ config, storage: first.storage });
  assert.equal(await second.exited, 1);
  assert.match(second.stderr, /storage|lease|lock/i);
  assert.equal(first.process.exitCode, null);
});

test("N4: a port that is taken ends the program with 1 as soon as it has started, and says which", async () => {
  const firstAt = performance.now();
  await using first = await Latchkey.start({ config });
  const startMs = performance.now() - firstAt;
  const listen = `listen: { https: ["127.0.0.1:${first.httpsPort}"], http: [] }`;
  const secondAt = performance.now();
  await using second = await Latchkey.spawn({ config, listen });
  assert.equal(await second.exited, 1);
  assert.ok(performance.now() - secondAt < startMs + 1_000);
  assert.match(second.stderr, new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${first.httpsPort}`));
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

test("SIGHUP brings a new host in and takes an old one out, under connections that do not fail", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, `${text}  new.localhost: { respond: hello }\n`);
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  assert.equal(await failures(latchkey.httpsPort, "up.localhost", 200), 0);
  await latchkey.event("certificate.swapped", ({ host }) => host === "new.localhost");
  await handshake(latchkey.httpsPort, "new.localhost");
});

test("SIGHUP with a fault changes nothing and names the place", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, text.replace("respond: ok", "respnod: ok"));
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.rejected");
  assert.match(
    latchkey.stderr,
    /latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: .*respond/,
  );
  await handshake(latchkey.httpsPort, "up.localhost");
});
