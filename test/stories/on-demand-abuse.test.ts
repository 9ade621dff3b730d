import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { after, type TestContext, test } from "node:test";
import { alertFor, flood, leftMiB, privateMiB } from "../support/flood.ts";
import { Latchkey } from "../support/latchkey.ts";
import { startNameServer } from "../support/name-server.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";
import { shakeHands, visit, visitPlainly } from "../support/visitor.ts";

/** A service that knows who is allowed; `answer` may be another one at any time. */
async function startService(answer: (name: string, response: ServerResponse) => void) {
  const asked: string[] = [];
  const service = { asked, answer, url: "", close: async () => {} };
  const server = createServer(({ url = "" }, response) => {
    const name = new URL(url, "http://ask").searchParams.get("domain") ?? "";
    asked.push(name);
    service.answer(name, response);
  });
  service.url = `http://127.0.0.1:${await listenAnywhere(server)}/allowed`;
  service.close = async () => {
    server.closeAllConnections();
    await closeServer(server);
  };
  after(service.close);
  return service;
}

const say = (status: number) => (_name: string, response: ServerResponse) =>
  void response.writeHead(status).end();
const sayOf = (isAllowed: (name: string) => boolean) => (name: string, response: ServerResponse) =>
  void response.writeHead(isAllowed(name) ? 200 : 404).end();
/** What a process may hold after a flood: V8 keeps some 40 MiB of what passed, and a hundred after ten such floods. */
const LEFT_MIB = 96;
/** A name of the probe: twenty letters. */
const isProbe = (name: string) => /^[a-z]{20}\./.test(name);

async function start(t: TestContext, config: string): Promise<Latchkey> {
  const latchkey = await Latchkey.start({ config });
  t.after(() => latchkey[Symbol.asyncDispose]());
  return latchkey;
}

const ordersOf = (latchkey: Latchkey) =>
  latchkey.lines.filter(({ event }) => event === "order.started").map(({ host }) => String(host));

const clients = (count: number) =>
  Array.from({ length: count }, (_, index) => `127.0.2.${index + 1}`);

function* madeUp(count: number, suffix: string): Iterable<string> {
  for (let index = 0; index < count; index += 1) yield `n${index}.${suffix}`;
}

/** By first label: `yes…` is allowed, `held…` waits for the test, everything else is refused. */
const held = Promise.withResolvers<ServerResponse>();
const service = await startService((name, response) => {
  if (name.startsWith("held")) held.resolve(response);
  else response.writeHead(name.startsWith("yes") && !isProbe(name) ? 200 : 404).end();
});
const asked = (part: string) => service.asked.filter((name) => name.includes(part));
const quietTown = await Latchkey.start({
  config: `
workers: 2
onDemand: { ask: "${service.url}" }
hosts: { "*.quiet.localhost": { respond: quiet } }`,
});
const busyTown = await Latchkey.start({
  config: `
workers: 2
onDemand: { ask: "${service.url}" }
hosts: { listed.localhost: { respond: listed }, "*.busy.localhost": { respond: busy } }`,
});
after(() => Promise.all([quietTown[Symbol.asyncDispose](), busyTown[Symbol.asyncDispose]()]));

test("T31: one client may bring twenty new names; another one still gets its own", async () => {
  const attacker = ["127.0.3.1"];
  const port = quietTown.httpsPort;
  const startedAt = performance.now();
  assert.deepEqual(
    await flood({ port, names: madeUp(300, "quiet.localhost"), clients: attacker }),
    { 112: 300 },
  );
  const allowance = 20 + (performance.now() - startedAt) / 12_000 + 1;
  const questions = asked(".quiet.").filter((name) => !isProbe(name)).length;
  assert.ok(questions >= 20 && questions <= allowance, `${questions} questions`);
  const { budget, client } = await quietTown.event("on-demand.budget-spent");
  assert.deepEqual([budget, client], ["client", "127.0.3.1"]);
  await quietTown.event("connection.refused", ({ code }) => code === "CLIENT_OVER_BUDGET");

  // It keeps asking for the very name that a customer comes for.
  const names = Array.from({ length: 100 }, () => "yes.quiet.localhost");
  const nagging = flood({ port, names, clients: attacker, atOnce: 8 });
  const customer = { localAddress: "127.0.3.2" };
  assert.equal((await visit(quietTown, "yes.quiet.localhost", customer)).text, "quiet");
  await nagging;
  assert.deepEqual(ordersOf(quietTown), ["yes.quiet.localhost"]);
});

test("T32: hundreds of clients for one new name are one question and one order, and few of them wait", async () => {
  const turnedAway = Promise.withResolvers<void>();
  const from = { port: quietTown.httpsPort, localAddress: "127.0.0.1" };
  const alerts: number[] = [];
  const crowd = Array.from({ length: 250 }, async () => {
    alerts.push(await alertFor("held.quiet.localhost", from));
    if (alerts.length === 150) turnedAway.resolve();
  });
  const answer = await held.promise;
  await turnedAway.promise; // beyond fifty in each worker: told so at once
  assert.deepEqual(new Set(alerts), new Set([80]));
  answer.writeHead(200).end();
  await quietTown.event("certificate.swapped", ({ host }) => host === "held.quiet.localhost");
  assert.equal((await visit(quietTown, "held.quiet.localhost")).text, "quiet");
  assert.equal(asked("held").length, 1);
  const orders = ordersOf(quietTown).filter((host) => host === "held.quiet.localhost");
  assert.equal(orders.length, 1);
  await quietTown[Symbol.asyncDispose]();
  await Promise.all(crowd);
});

test("T31: a client over its budget gets 404 on port 80 for names nobody knows, and 308 for those that have a certificate", async () => {
  assert.equal((await visit(busyTown, "yes.busy.localhost")).text, "busy");
  const startedAt = performance.now();
  const statuses: number[] = [];
  for (let index = 0; index < 40; index += 1)
    statuses.push((await visitPlainly(busyTown, `yes${index}.busy.localhost`)).status);
  const redirected = statuses.filter((status) => status === 308).length;
  const allowance = 19 + (performance.now() - startedAt) / 12_000 + 1;
  assert.ok(redirected >= 19 && redirected <= allowance, `${redirected} redirects`);
  assert.equal((await visitPlainly(busyTown, "yes.busy.localhost")).status, 308);
  assert.ok(!ordersOf(busyTown).includes("yes0.busy.localhost"), "nothing is ordered");
});

test("T31: ten thousand names outside the policy cost no order, no row, no memory, and each at most one question", async () => {
  const before = asked(".busy.").length;
  const { workers, manager } = await busyTown.status();
  const processes = await Promise.all(
    [manager, ...workers].map(async ({ pid }) => ({ pid, mib: await privateMiB(pid) })),
  );
  const startedAt = performance.now();
  const attack = flood({
    port: busyTown.httpsPort,
    names: madeUp(10_000, "busy.localhost"),
    clients: clients(100),
  });
  assert.equal((await visit(busyTown, "listed.localhost")).text, "listed");
  assert.deepEqual(await attack, { 112: 10_000 });
  const seconds = (performance.now() - startedAt) / 1_000;
  const questions = asked(".busy.").slice(before);
  assert.equal(new Set(questions).size, questions.length, "each name is asked about once");
  assert.ok(questions.length <= 32 * (seconds + 2), `${questions.length} in ${seconds} s`);
  assert.deepEqual(
    (await busyTown.status()).hosts.map(({ host }) => host),
    ["listed.localhost", "*.busy.localhost", "yes.busy.localhost"],
  );
  assert.deepEqual(
    new Set(ordersOf(busyTown)),
    new Set(["listed.localhost", "yes.busy.localhost"]),
  );
  const lines = busyTown.count("connection.refused");
  assert.ok(lines <= 10 * 2 * (seconds + 2), `${lines} lines in ${seconds} s`);
  for (const { pid, mib } of processes) {
    const left = await leftMiB(pid, mib, LEFT_MIB);
    assert.ok(left <= LEFT_MIB, `process ${pid} has ${left} MiB more than the ${mib} before`);
  }
});

test("T31: a service that allows any name is refused, told of, and believed again when it decides", async (t) => {
  const service = await startService(say(200));
  const latchkey = await start(
    t,
    `
workers: 1
onDemand: { ask: "${service.url}" }
hosts: { "*.shop.localhost": { respond: shop }, "*": { respond: any, issuer: internal } }`,
  );
  for (const host of ["*.shop.localhost", "*"]) {
    const line = await latchkey.event("on-demand.ask-allows-any", (each) => each["host"] === host);
    assert.match(String(line["hint"]), /404 for all others/);
  }
  assert.deepEqual(await shakeHands(latchkey, "a.shop.localhost"), { alert: 112 });
  assert.deepEqual(await shakeHands(latchkey, "customer.test"), { alert: 112 });
  assert.equal((await visitPlainly(latchkey, "a.shop.localhost")).status, 404);
  const rows = (await latchkey.status()).hosts;
  assert.deepEqual(
    rows.map(({ host, state, lastError }) => [host, state, lastError?.type]),
    [
      ["*.shop.localhost", "refused", "ASK_ALLOWS_ANY"],
      ["*", "refused", "ASK_ALLOWS_ANY"],
    ],
  );
  assert.ok(service.asked.every(isProbe), "nobody's name is asked about");

  service.answer = sayOf((name) => name === "a.shop.localhost");
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  assert.equal((await visit(latchkey, "a.shop.localhost")).text, "shop");
  const states = (await latchkey.status()).hosts.map(({ host, state }) => `${host} ${state}`);
  assert.deepEqual(states, ["*.shop.localhost waiting", "a.shop.localhost valid", "* waiting"]);
});

test("T31: a name that leads elsewhere in DNS, or nowhere, is not ordered", async (t) => {
  const zone: Readonly<Record<string, string>> = {
    "here.shop.example": "127.0.0.1",
    "away.shop.example": "203.0.113.9",
    "www.shop.example": "198.51.100.1",
  };
  const names = await startNameServer((type, name) => {
    const data = zone[name];
    if (data === undefined) return { rcode: "NXDOMAIN" };
    return { answers: type === "A" ? [{ type: "A", name, ttl: 60, data }] : [] };
  });
  t.after(() => names[Symbol.asyncDispose]());
  const service = await startService(sayOf((name) => !isProbe(name)));
  const latchkey = await start(
    t,
    `
workers: 1
acme:
  issuers: [{ directory: "https://127.0.0.1:9/directory" }]
  resolvers: ["${names.address}"]
  issue: first-visit
trustedProxies: [127.0.5.0/24]
onDemand: { ask: "${service.url}", allow: [written.shop.example] }
hosts: { "*.shop.example": { respond: shop }, www.shop.example: { respond: www } }`,
  );
  const alert = (name: string) =>
    alertFor(name, { port: latchkey.httpsPort, localAddress: "127.0.0.1" });
  assert.equal(await alert("away.shop.example"), 112);
  assert.equal(await alert("gone.shop.example"), 112);
  await latchkey.event("on-demand.points-elsewhere", ({ host }) => host === "gone.shop.example");
  const why = latchkey.lines
    .filter(({ event }) => event === "on-demand.points-elsewhere")
    .map((line) => [line["host"], line["why"]]);
  assert.deepEqual(why, [
    ["away.shop.example", "it leads to 203.0.113.9 in DNS, which is not this machine"],
    ["gone.shop.example", "it has no address in DNS (NXDOMAIN)"],
  ]);
  assert.equal(await alert("here.shop.example"), 80, "the CA is asked, and is not there");
  assert.equal(await alert("written.shop.example"), 80, "the operator wrote it down");
  await latchkey.event("order.started", ({ host }) => host === "written.shop.example");
  assert.deepEqual(ordersOf(latchkey), ["here.shop.example", "written.shop.example"]);
  const rows = (await latchkey.status()).hosts.map(({ host }) => host);
  assert.ok(!rows.includes("away.shop.example") && !rows.includes("gone.shop.example"));

  // Behind a trusted proxy is everybody: what one client may bring is not asked of it.
  const beyond = [...madeUp(25, "shop.example")];
  await flood({ port: latchkey.httpsPort, names: beyond, clients: ["127.0.5.1"], atOnce: 5 });
  assert.ok(beyond.every((name) => service.asked.includes(name)));
});
