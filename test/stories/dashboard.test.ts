import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { codeOf } from "../../src/base/errors.ts";
import { freePort } from "../support/free-port.ts";
import { Latchkey } from "../support/latchkey.ts";
import { visit } from "../support/visitor.ts";

const config = "workers: 1\nhosts:\n  a.localhost: { respond: ok }\n";
const listenOn = (dashboard: string) =>
  `listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"], dashboard: ${dashboard} }`;

test("the dashboard shows the running program, and follows reloads to another address, a token, and off", async () => {
  const [first, second] = [await freePort(), await freePort()];
  const token = "correct-horse-battery";
  await using latchkey = await Latchkey.start({
    config: `${config}  dash.localhost: { to: ${first}, backend: { host: upstream } }\n`,
    listen: listenOn(`127.0.0.1:${first}`),
    env: { DASHBOARD_TOKEN: token },
  });
  await latchkey.event("certificate.swapped", ({ host }) => host === "a.localhost");
  await latchkey.event("certificate.swapped", ({ host }) => host === "dash.localhost");
  const page = await (await fetch(`http://127.0.0.1:${first}/`)).text();
  assert.match(page, /<title>All is well · /);
  assert.match(page, /id="host-a\.localhost"/);
  const status = await (await fetch(`http://localhost:${first}/status.json`)).json();
  assert.equal(status.pid, latchkey.process.pid);
  assert.deepEqual(Object.keys(status), Object.keys(await latchkey.status()));

  // With TLS and whatever guards a host, by a host that leads there.
  assert.match((await visit(latchkey, "dash.localhost")).text, /<title>All is well · /);

  const text = await readFile(latchkey.file, "utf8");
  const change = async (from: string, to: string) => {
    const reloaded = latchkey.nextEvent("config.reloaded");
    await writeFile(latchkey.file, (await readFile(latchkey.file, "utf8")).replace(from, to));
    latchkey.process.kill("SIGHUP");
    await reloaded;
  };
  const isGone = (port: number) =>
    assert.rejects(
      fetch(`http://127.0.0.1:${port}/`),
      (error: Error) => codeOf(error.cause) === "ECONNREFUSED",
    );
  // On the same address the new manager has it when the old one is gone.
  const reopened = latchkey.nextEvent("dashboard.opened");
  await change("respond: ok", "respond: well");
  await reopened;
  assert.equal((await fetch(`http://127.0.0.1:${first}/`)).status, 200);
  assert.equal(latchkey.count("dashboard.unavailable"), 0);

  const moved = latchkey.nextEvent("dashboard.opened", (line) => line["port"] === second);
  const withToken = `{ listen: "0.0.0.0:${second}", token: env:DASHBOARD_TOKEN }`;
  await change(`dashboard: 127.0.0.1:${first}`, `dashboard: ${withToken}`);
  await moved;
  await isGone(first);
  const url = `http://127.0.0.1:${second}/`;
  assert.equal((await fetch(url)).status, 401);
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await fetch(url, { headers })).status, 200);
  await change(`dashboard: ${withToken}`, "dashboard: off");
  await isGone(second);
  assert.ok(!JSON.stringify(latchkey.lines).includes(token) && !text.includes(token));
});

test("a port that another program has keeps nothing from being served, and is taken when it is free", async () => {
  const other = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  await using latchkey = await Latchkey.start({ config, listen: listenOn(`127.0.0.1:${port}`) });
  const refused = await latchkey.event("dashboard.unavailable");
  assert.equal(refused["address"], `127.0.0.1:${port}`);
  assert.equal(refused["code"], "EADDRINUSE");
  await latchkey.event("certificate.swapped");
  assert.equal((await visit(latchkey, "a.localhost")).status, 200);
  other.close();
  await latchkey.event("dashboard.opened");
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  assert.equal(latchkey.count("dashboard.unavailable"), 1);
});
