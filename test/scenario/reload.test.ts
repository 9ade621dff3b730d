import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { codeOf } from "../../src/base/errors.ts";
import { askMetrics } from "../support/ask-metrics.ts";
import { runProgram } from "../support/client-program.ts";
import { numberOf } from "../support/exposition-reader.ts";
import { handshake } from "../support/handshakes.ts";
import { hangingUpEarly } from "../support/hang-up-early.ts";
import { Latchkey } from "../support/latchkey.ts";

/** One program for all tests, in this order; the last one ends it. */
const latchkey = await Latchkey.start({
  env: { NODE_OPTIONS: hangingUpEarly },
  config: `
workers: 1
hosts:
  up.localhost: { respond: ok }
`,
});
after(() => latchkey[Symbol.asyncDispose]());
await latchkey.event("certificate.swapped");
const first = await readFile(latchkey.file, "utf8");
const faulty = first.replace("respond: ok", "respnod: ok");

/** How many descriptors the supervisor has open. */
async function openNow(): Promise<number> {
  return (await readdir(`/proc/${latchkey.process.pid}/fd`)).length;
}

/** Writes the configuration and asks for a reload. */
async function reload(text: string): Promise<void> {
  await writeFile(latchkey.file, text);
  latchkey.process.kill("SIGHUP");
}

const run = (command = "reload") =>
  runProgram("sh", ["src/latchkey.sh", command, "--config", latchkey.file]);

test("SIGHUP ends no program that is only starting, and however often it comes then, it reloads once", async () => {
  await latchkey.event("config.reloaded");
  const events = latchkey.lines.map(({ event }) => event);
  assert.ok(events.indexOf("process.started") < events.indexOf("config.reloaded"));
  // Reloads come one after the other: those of the start are over when this one is.
  assert.equal((await run()).stdout, "nothing has changed\n");
  await reload(`${first}  more.localhost: { respond: ok }\n`);
  const hosts = () =>
    latchkey.lines.filter(({ event }) => event === "config.reloaded").map((line) => line["hosts"]);
  await latchkey.event("config.reloaded", (line) => line["hosts"] === 2);
  assert.deepEqual(hosts(), [1, 1, 2]);
  const [back, left] = ["config.reloaded", "worker.exited"].map((event) =>
    latchkey.nextEvent(event),
  );
  await reload(first);
  await Promise.all([back, left]);
});

test("a reload that cannot be followed leaves nothing open", async () => {
  const accessLog = join(latchkey.folder, "access.log");
  await mkdir(accessLog); // a folder is no file to write into
  const before = await openNow();
  const moved = first.replace('https: ["127.0.0.1:0"]', 'https: ["127.0.0.2:0"]');
  await reload(`log: { access: ./access.log }\n${moved}`);
  const { code, message } = await latchkey.event("config.rejected");
  assert.equal(code, "ACCESS_LOG_UNUSABLE");
  assert.match(String(message), /Cannot open the access log/);
  assert.ok((await openNow()) <= before, "those of a worker that has just left may go meanwhile");
  const name = "latchkey_config_last_reload_successful";
  assert.equal(numberOf(await askMetrics(latchkey), name), 0);
  await rmdir(accessLog);
});

test("latchkey reload tells why the running program cannot follow, and ends with 2", async () => {
  const accessLog = join(latchkey.folder, "access.log");
  await mkdir(accessLog);
  await writeFile(latchkey.file, `log: { access: ./access.log }\n${first}`);
  const unfollowed = await run();
  assert.equal(unfollowed.code, 2);
  assert.match(unfollowed.stderr, /^latchkey: Cannot open the access log /);
  await rmdir(accessLog);

  await writeFile(latchkey.file, faulty);
  const told = await run();
  assert.equal(told.code, 2);
  assert.match(told.stderr, /^\S+latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: /m);
  await handshake(latchkey.httpsPort, "up.localhost");
});

test("an access log that is a pipe which nobody reads is refused at once, and the program goes on", async () => {
  const pipe = join(latchkey.folder, "pipe.log");
  execFileSync("mkfifo", [pipe]);
  await writeFile(latchkey.file, `log: { access: ./pipe.log }\n${first}`);
  const { code, stderr } = await run();
  assert.equal(code, 2);
  assert.match(stderr, /^latchkey: Cannot open the access log .*: it is a pipe that nobody reads/);
  const check = await run("check");
  assert.equal(check.code, 0);
  assert.match(check.stderr, /pipe\.log is a pipe/);
  await writeFile(latchkey.file, first);
  assert.equal((await run()).code, 0);
});

test("latchkey reload prints what changes, and the new processes serve when it ends", async () => {
  const changed = first.replace("workers: 1", "workers: 2");
  await writeFile(latchkey.file, `${changed}  new.localhost: 3001\n`);
  const { code, stdout, stderr } = await run();
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "+ new.localhost  → http://127.0.0.1:3001  internal\n~ workers\n");
  const { workers, hosts } = await latchkey.status();
  assert.equal(workers.filter(({ draining }) => !draining).length, 2);
  assert.deepEqual(
    hosts.map(({ host }) => host),
    ["up.localhost", "new.localhost"],
  );

  assert.equal((await run()).stdout, "nothing has changed\n");
  const metrics = await askMetricsPatiently();
  assert.equal(numberOf(metrics, "latchkey_config_last_reload_successful"), 1);
  const readAt = numberOf(metrics, "latchkey_config_load_time_seconds") ?? 0;
  assert.ok(readAt > (numberOf(metrics, "latchkey_start_time_seconds") ?? Infinity));
});

/** At a reload the admin socket refuses connections for a moment. */
async function askMetricsPatiently() {
  for (;;) {
    try {
      return await askMetrics(latchkey);
    } catch (error) {
      if (codeOf(error) !== "ECONNREFUSED") throw error;
      await setImmediate();
    }
  }
}

test("a reload that changes the storage is rejected: everything else would be left behind in the old one", async () => {
  const elsewhere = join(latchkey.folder, "stroage");
  const rejected = latchkey.nextEvent("config.rejected");
  await reload(first.replace(latchkey.storage, elsewhere));
  const { fault } = await rejected;
  assert.match(
    String(fault),
    /: storage: cannot change while the program runs, wanted \S+storage /,
  );
  await assert.rejects(stat(elsewhere), { code: "ENOENT" });
  await handshake(latchkey.httpsPort, "up.localhost");

  const { code, stderr } = await run();
  assert.equal(code, 1);
  assert.match(stderr, /nothing is running on this storage; a changed `storage` wants a restart/);
  await writeFile(latchkey.file, first);
});

test("a reload that leaves the admin socket no folder is rejected, and the one of before answers", async () => {
  const rejected = latchkey.nextEvent("config.rejected");
  await reload(first.replace("listen: {", "listen: { admin: unix:/none/x.sock,"));
  assert.match(String((await rejected)["fault"]), /: listen\.admin: .*there is no folder \/none/);
  assert.equal((await latchkey.status()).pid, latchkey.process.pid);
  await writeFile(latchkey.file, first);
});

test("latchkey reload that asks at another socket than the program answers at says how it is reloaded", async () => {
  const moved = first.replace("listen: {", "listen: { admin: unix:other.sock,");
  await writeFile(latchkey.file, moved);
  const { code, stderr } = await run();
  assert.equal(code, 1);
  assert.match(
    stderr,
    /; but process \d+ on \S+ uses it: after a change of `listen.admin` reload by SIGHUP/,
  );
  await writeFile(latchkey.file, first);
});

test("of two reloads at the same time both are followed, and whoever asks meanwhile is answered", async () => {
  await writeFile(latchkey.file, first);
  const asked = await Promise.all([run(), run(), run("status"), run("certs")]);
  assert.deepEqual(
    asked.map(({ code, stderr }) => [code, stderr]),
    Array(asked.length).fill([0, ""]),
  );
});

test("a reload with a fault is survived when nobody reads standard error any more", async () => {
  latchkey.process.stderr?.destroy();
  const rejected = latchkey.nextEvent("config.rejected");
  await reload(faulty);
  const { code, message, fault } = await rejected;
  assert.equal(code, "CONFIG_INVALID");
  assert.match(String(message), /^Cannot use .+: \d faults?$/);
  assert.match(String(fault), /^\S+latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: /);
  const reloaded = latchkey.nextEvent("config.reloaded");
  await reload(first);
  await reloaded;
  await handshake(latchkey.httpsPort, "up.localhost");
});

test("many reloads at once are one after the other, and two in all", async () => {
  const workersReady = () =>
    latchkey.lines.filter(
      (line) => line.event === "process.ready" && String(line["child"]).startsWith("worker"),
    ).length;
  const before = workersReady();
  const once = latchkey.nextEvent("config.reloaded");
  const underWay = latchkey.nextEvent("manager.exited");
  latchkey.process.kill("SIGHUP");
  await underWay;
  for (let times = 0; times < 20; times += 1) latchkey.process.kill("SIGHUP");
  await once;
  await latchkey.nextEvent("config.reloaded");
  assert.equal(workersReady() - before, 2);
});

test("a reload and the end at the same moment is an end", async () => {
  latchkey.process.kill("SIGHUP");
  assert.equal(await latchkey.stop("SIGTERM"), 0);
});
