import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { grave } from "../support/findings.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { skipSmallDisk, smallDisk } from "../support/small-disk.ts";
import { type Handshake, shakeHands } from "../support/visitor.ts";
import { Webhook } from "../support/webhook.ts";

const hosts = (...names: readonly string[]) =>
  `workers: 1\nhosts:\n${names.map((name) => `  ${name}: { respond: ok }`).join("\n")}\n`;

const config = hosts("old.localhost", "new.localhost");

test("S5: a storage that cannot be written is served from, and nothing is ordered", {
  skip: skipSmallDisk,
}, async (t) => {
  await using disk = await smallDisk();
  const storage = join(disk.path, "storage");
  let known: Handshake;
  {
    await using first = await Latchkey.start({ config: hosts("old.localhost"), storage });
    await first.event("certificate.swapped");
    known = await shakeHands(first, "old.localhost");
    assert.equal(await first.stop(), 0);
  }

  await t.test("full", async () => {
    await disk.fill(0);
    await using latchkey = await Latchkey.start({ config, storage });
    await servesOldOrdersNothing(latchkey, known);
    const { hosts: rows } = await latchkey.status();
    assert.deepEqual(
      rows.map(({ host, state }) => `${host} ${state}`),
      ["old.localhost valid", "new.localhost failed"],
    );
    assert.match(rows[1]?.lastError?.hint ?? "", /Free space/);
    await latchkey.stop();
    await disk.free();
  });

  await t.test("read-only", async () => {
    disk.remount("ro");
    await using webhook = await Webhook.open();
    const alerts = "alerts: { webhook: env:HOOK }\n";
    const env = { HOOK: webhook.url };
    await using latchkey = await Latchkey.start({ config: `${alerts}${config}`, storage, env });
    await servesOldOrdersNothing(latchkey, known);
    await latchkey.event("admin.unavailable");
    // Nothing can be written down, and a person is told all the same.
    const { state, severity } = await webhook.notice(({ event }) => event === "storage.unwritable");
    assert.deepEqual([state, severity], ["begun", "critical"]);
    await commandsNameTheCause(latchkey, storage);
    await latchkey.stop();
  });

  await t.test("read-only, with an admin socket elsewhere", async () => {
    await using folder = await temporaryFolder();
    const admin = join(folder.path, "admin.sock");
    const listen = `listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"], admin: "unix:${admin}" }`;
    await using latchkey = await Latchkey.start({ config, storage, listen });
    await servesOldOrdersNothing(latchkey, known);
    const { status, body } = await health(admin);
    assert.deepEqual([status, body.status], [200, "degraded"]);
    const kinds = body.troubles.map(({ kind }: { kind: string }) => kind);
    assert.ok(kinds.includes("storage.unwritable"), kinds.join());
    await latchkey.stop();
  });
});

test("S2: what could not be saved is served after a reload and after a crash of the manager, and saved when there is room", {
  skip: skipSmallDisk,
}, async () => {
  await using disk = await smallDisk();
  const storage = join(disk.path, "storage");
  const starting = Latchkey.spawn({ config: hosts("new.localhost"), storage });
  await using latchkey = await starting;
  await latchkey.event("order.created"); // its key is on disk, and its certificate is not
  await disk.fill(0);
  await latchkey.event("certificate.swapped");
  await latchkey.event("certificate.unsaved");
  latchkey.httpsPort = Number((await latchkey.event("process.started"))["https"]);
  const known = await shakeHands(latchkey, "new.localhost");
  assert.ok("serial" in known);

  const reloaded = latchkey.nextEvent("config.reloaded");
  latchkey.process.kill("SIGHUP");
  await reloaded;
  assert.deepEqual(await shakeHands(latchkey, "new.localhost"), known);
  await servedAndValid(latchkey, known.serial);

  const { pid } = latchkey.lines.findLast(
    ({ event, child }) => event === "process.ready" && child === "manager",
  ) ?? { pid: undefined };
  const ready = latchkey.nextEvent("process.ready", ({ child }) => child === "manager");
  process.kill(Number(pid), "SIGKILL");
  await ready;
  await servedAndValid(latchkey, known.serial);

  await disk.free();
  const { serial } = await latchkey.event("certificate.stored");
  assert.equal(serial, known.serial);
  assert.equal(latchkey.count("order.created"), 1);
  assert.equal(latchkey.count("order.resumed"), 0);
});

/** The answer to `GET /healthz`. */
async function health(socketPath: string) {
  const asked = request({ socketPath, path: "/healthz" }).end();
  const [response] = await once(asked, "response");
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

async function servedAndValid(latchkey: Latchkey, serial: string): Promise<void> {
  const { hosts: rows } = await latchkey.status();
  assert.deepEqual(
    rows.map((row) => [row.state, row.serial]),
    [["valid", serial]],
  );
}

async function servesOldOrdersNothing(latchkey: Latchkey, known: Handshake): Promise<void> {
  assert.deepEqual(await shakeHands(latchkey, "old.localhost"), known);
  const failed = await latchkey.event("certificate.failed");
  assert.deepEqual([failed["host"], failed["code"]], ["new.localhost", "STORAGE_FAILED"]);
  assert.deepEqual(await shakeHands(latchkey, "new.localhost"), { alert: 80 });
  assert.equal(latchkey.count("order.created"), 0);
}

/** It has no admin socket there: the commands see the storage and the ports, and say what they are. */
async function commandsNameTheCause(latchkey: Latchkey, root: string): Promise<void> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  const ports = { https: latchkey.httpsPort, http: latchkey.httpPort };
  const listen = `listen: { https: ["127.0.0.1:${ports.https}"], http: ["127.0.0.1:${ports.http}"] }`;
  await writeFile(file, `storage: ${root}\n${listen}\n${config}`);
  const run = (command: string, ...more: readonly string[]) =>
    runProgram("sh", ["src/latchkey.sh", command, ...more, "--config", file]);

  const cannot = new RegExp(
    `^! The storage ${root} cannot be written.*\\n  the file system is read-only`,
    "m",
  );
  assert.match((await run("status")).stdout, cannot);
  assert.match((await run("certs")).stderr, cannot);
  const { stdout } = await run("status", "--json");
  assert.deepEqual(
    JSON.parse(stdout).troubles.map(({ kind }: { kind: string }) => kind),
    ["storage.unwritable"],
  );
  const { machine } = JSON.parse((await run("doctor", "old.localhost", "--json")).stdout);
  assert.deepEqual(
    grave(machine).filter((line) => !line.includes("volatile")),
    ["advice program.unheard", "problem storage.unwritable"],
  );
  assert.ok(machine.some(({ code }: { code: string }) => code === "listener.ours"));
}
