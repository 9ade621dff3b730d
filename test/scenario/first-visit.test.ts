import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, test } from "node:test";
import { inRecords, makeHello, serverName } from "../support/hello-bytes.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { shakeHands, visit } from "../support/visitor.ts";

const latchkey = await Latchkey.start({
  config: `
workers: 2
acme: { issue: first-visit }
hosts:
  one.localhost: { respond: welcome }
  crowd.localhost: { respond: welcome }
  shy.localhost: { respond: welcome }
  early.localhost: { respond: welcome }
  never.localhost: { respond: welcome }
`,
});
after(() => latchkey[Symbol.asyncDispose]());

const ordersFor = (name: string): LogLine[] =>
  latchkey.lines.filter(({ event, host }) => event === "order.started" && host === name);

async function stateOf(name: string): Promise<string | undefined> {
  const { hosts } = await latchkey.status();
  return hosts.find(({ host }) => host === name)?.state;
}

test("the first handshake for a name orders its certificate and waits for it", async () => {
  assert.equal(await stateOf("one.localhost"), "waiting");
  assert.equal(latchkey.count("order.started"), 0);

  const { status, text } = await visit(latchkey, "one.localhost");
  assert.deepEqual({ status, text }, { status: 200, text: "welcome" });
  await latchkey.event("certificate.swapped", ({ host }) => host === "one.localhost");
  assert.equal(await stateOf("one.localhost"), "valid");
});

test("a hundred first visitors at once cause one order, and get its certificate or alert 80", async () => {
  const name = "crowd.localhost";
  const crowd = await Promise.all(Array.from({ length: 100 }, () => shakeHands(latchkey, name)));
  const { serial } = await latchkey.event("certificate.issued", ({ host }) => host === name);
  const outcomes = new Set(crowd.map((outcome) => JSON.stringify(outcome)));
  outcomes.delete(JSON.stringify({ alert: 80 })); // who finds no place to wait in
  assert.deepEqual([...outcomes], [JSON.stringify({ serial })]);
  assert.equal(ordersFor(name).length, 1);

  const later = await Promise.all(Array.from({ length: 40 }, () => shakeHands(latchkey, name)));
  assert.ok(later.every((outcome) => "serial" in outcome && outcome.serial === serial));
  assert.equal(ordersFor(name).length, 1);
});

test("a visitor who leaves while its certificate is ordered leaves it for the next one", async () => {
  const name = "shy.localhost";
  const socket = connect({ host: "127.0.0.1", port: latchkey.httpsPort });
  await once(socket, "connect");
  socket.write(inRecords(makeHello({ extensions: [serverName(name)] })));
  await latchkey.event("order.started", ({ host }) => host === name);
  socket.destroy();

  const { serial } = await latchkey.event("certificate.issued", ({ host }) => host === name);
  assert.deepEqual(await shakeHands(latchkey, name), { serial });
  assert.equal(ordersFor(name).length, 1);
});

test("a first visitor who comes while the manager is being replaced gets the certificate", async () => {
  const isManager = ({ child }: LogLine) => child === "manager";
  const { pid } = await latchkey.event("process.ready", isManager);
  const back = latchkey.nextEvent("process.ready", isManager);
  process.kill(Number(pid), "SIGKILL");
  await latchkey.event("manager.exited");
  assert.ok("serial" in (await shakeHands(latchkey, "early.localhost")));
  await back;
});

test("a name that nobody visits is not ordered", async () => {
  assert.equal(await stateOf("never.localhost"), "waiting");
  assert.deepEqual(ordersFor("never.localhost"), []);
});
