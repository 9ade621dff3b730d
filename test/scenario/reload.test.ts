import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";

const config = `
workers: 1
hosts:
  up.localhost: { respond: ok }
`;

async function handshake(port: number, servername: string): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
  } finally {
    socket.destroy();
  }
}

/** How many descriptors the supervisor has open. */
async function openIn(latchkey: Latchkey): Promise<number> {
  return (await readdir(`/proc/${latchkey.process.pid}/fd`)).length;
}

/** Writes the configuration again, changed, and asks for a reload. */
async function reload(latchkey: Latchkey, change: (text: string) => string): Promise<void> {
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, change(text));
  latchkey.process.kill("SIGHUP");
}

test("a reload that cannot be followed leaves nothing open", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  await mkdir(join(latchkey.folder, "access.log")); // a folder is no file to write into
  const before = await openIn(latchkey);
  await reload(latchkey, (text) => {
    const moved = text.replace('https: ["127.0.0.1:0"]', 'https: ["127.0.0.2:0"]');
    return `log: { access: ./access.log }\n${moved}`;
  });
  const { message } = await latchkey.event("config.rejected");
  assert.match(String(message), /Cannot open the access log/);
  assert.equal(await openIn(latchkey), before);
});

test("a reload and the end at the same moment is an end", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  latchkey.process.kill("SIGHUP");
  assert.equal(await latchkey.stop("SIGTERM"), 0);
});

test("a reload with a fault is survived when nobody reads standard error any more", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  latchkey.process.stderr?.destroy();
  await reload(latchkey, (text) => text.replace("respond: ok", "respnod: ok"));
  const { code, message } = await latchkey.event("config.rejected");
  assert.equal(code, "CONFIG_INVALID");
  assert.match(String(message), /^Cannot use .+: \d faults?$/);
  await reload(latchkey, (text) => text.replace("respnod: ok", "respond: ok"));
  await latchkey.event("config.reloaded");
  await handshake(latchkey.httpsPort, "up.localhost");
});

const run = (latchkey: Latchkey) =>
  runProgram("sh", ["src/latchkey.sh", "reload", "--config", latchkey.file]);

test("latchkey reload prints what changes, and the new processes serve when it ends", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const text = await readFile(latchkey.file, "utf8");
  await writeFile(
    latchkey.file,
    `${text.replace("workers: 1", "workers: 2")}  new.localhost: 3001\n`,
  );
  const { code, stdout, stderr } = await run(latchkey);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(stdout, "+ new.localhost  → http://127.0.0.1:3001  internal\n~ workers\n");
  const { workers, hosts } = await latchkey.status();
  assert.equal(workers.filter(({ ready }) => ready).length, 2);
  assert.deepEqual(
    hosts.map(({ host }) => host),
    ["up.localhost", "new.localhost"],
  );

  assert.equal((await run(latchkey)).stdout, "nothing has changed\n");
});

test("latchkey reload tells why the running program cannot follow, and ends with 2", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const text = await readFile(latchkey.file, "utf8");
  await mkdir(join(latchkey.folder, "access.log"));
  await writeFile(latchkey.file, `log: { access: ./access.log }\n${text}`);
  const unfollowed = await run(latchkey);
  assert.equal(unfollowed.code, 2);
  assert.match(unfollowed.stderr, /^latchkey: Cannot open the access log /);

  await writeFile(latchkey.file, text.replace("respond: ok", "respnod: ok"));
  const faulty = await run(latchkey);
  assert.equal(faulty.code, 2);
  assert.match(faulty.stderr, /^\S+latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: /m);
  await handshake(latchkey.httpsPort, "up.localhost");
});

test("many reloads at once are one after the other, and two in all", async () => {
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const ready = () =>
    latchkey.lines.filter(
      (line) => line.event === "process.ready" && String(line["child"]).startsWith("worker"),
    ).length;
  latchkey.process.kill("SIGHUP");
  const first = latchkey.nextEvent("config.reloaded");
  await latchkey.nextEvent("manager.exited"); // the first one is under way
  for (let times = 0; times < 20; times += 1) latchkey.process.kill("SIGHUP");
  await first;
  await latchkey.nextEvent("config.reloaded");
  assert.equal(await latchkey.stop("SIGTERM"), 0);
  assert.equal(ready(), 3);
});
