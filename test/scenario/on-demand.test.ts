import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { freePort } from "../support/free-port.ts";
import { Latchkey, type LogLine } from "../support/latchkey.ts";
import { closeServer } from "../support/tls-door.ts";
import { shakeHands, visit, visitPlainly } from "../support/visitor.ts";

/** What the operator's service says about a name, by its first label; every question is kept. */
const questions: string[] = [];
const service = createServer(({ url = "" }, response) => {
  questions.push(url);
  const [label] = new URL(url, "http://ask").searchParams.get("domain")?.split(".") ?? [];
  switch (label) {
    case "yes":
    case "customer":
      response.end("any text");
      break;
    case "moved":
      response.writeHead(302, { Location: "/allowed?domain=yes.ask.localhost" }).end();
      break;
    case "created":
      response.writeHead(201).end();
      break;
    case "slow":
      break; // no answer at all
    default:
      response.writeHead(403).end();
  }
});
const port = await freePort(); // nobody else's, also when it is gone
await once(service.listen(port, "127.0.0.1"), "listening");

const latchkey = await Latchkey.start({
  config: `
workers: 1
onDemand: { ask: "http://127.0.0.1:${port}/allowed?shop=1" }
hosts:
  "*.localhost": { respond: wildcard, onDemand: { allow: [a.localhost, exact.localhost] } }
  exact.localhost: { respond: exact }
  "*.ask.localhost": { respond: asked }
  "*": { respond: catch-all, issuer: internal }
`,
});
after(async () => {
  service.closeAllConnections();
  service.close();
  await latchkey[Symbol.asyncDispose]();
});
await latchkey.event("certificate.swapped", ({ host }) => host === "exact.localhost");

const ordersFor = (name: string): LogLine[] =>
  latchkey.lines.filter(({ event, host }) => event === "order.started" && host === name);
const questionsFor = (name: string): string[] =>
  questions.filter((url) => url.includes(`domain=${name}`));

test("a name on the allow-list gets its certificate at its first handshake, and no second one", async () => {
  assert.equal((await visit(latchkey, "a.localhost")).text, "wildcard");
  assert.equal((await visit(latchkey, "a.localhost")).text, "wildcard");
  assert.equal(ordersFor("a.localhost").length, 1);
  assert.deepEqual(questionsFor("a.localhost"), []);
});

test("an exact host beats the wildcard that matches it", async () => {
  assert.equal((await visit(latchkey, "exact.localhost")).text, "exact");
});

test("a wildcard matches one label: what is deeper is the catch-all's", async () => {
  assert.deepEqual(await shakeHands(latchkey, "deeper.a.localhost"), { alert: 112 });
  assert.equal(questionsFor("deeper.a.localhost").length, 1);
});

test("a name that the operator's service allows is served", async () => {
  assert.equal((await visit(latchkey, "yes.ask.localhost")).text, "asked");
  assert.deepEqual(questionsFor("yes.ask"), ["/allowed?shop=1&domain=yes.ask.localhost"]);
});

test("a customer's own domain is served by the catch-all when the service allows it", async () => {
  assert.equal((await visit(latchkey, "customer.test")).text, "catch-all");
});

test("port 80 redirects a name that would be served, before it has a certificate", async () => {
  const { status, headers } = await visitPlainly(latchkey, "customer.internal", { path: "/x?y" });
  assert.equal(status, 308);
  assert.match(headers.location ?? "", /^https:\/\/customer\.internal(:\d+)?\/x\?y$/);
  assert.deepEqual(ordersFor("customer.internal"), []);
});

const refused = [
  { name: "b.localhost", why: "is not on the allow-list", asked: 0 },
  { name: "no.ask.localhost", why: "is answered with 403", asked: 1 },
  { name: "created.ask.localhost", why: "is answered with 201", asked: 1 },
  { name: "moved.ask.localhost", why: "is answered with a redirect", asked: 1 },
  { name: "stranger.test", why: "no customer has", asked: 1 },
  { name: "1.2.3.4.5.6.7.8.test", why: "is deeper than names on demand go", asked: 0 },
];

for (const { name, why, asked } of refused) {
  test(`a name that ${why} gets alert 112, no order, and 404 on port 80`, async () => {
    assert.deepEqual(await shakeHands(latchkey, name), { alert: 112 });
    const { status, text } = await visitPlainly(latchkey, name);
    assert.deepEqual({ status, text }, { status: 404, text: "" });
    assert.deepEqual(ordersFor(name), []);
    assert.equal(questionsFor(name).length, asked);
  });
}

test("a service that says nothing refuses within its two seconds", async () => {
  const startedAt = performance.now();
  assert.deepEqual(await shakeHands(latchkey, "slow.ask.localhost"), { alert: 112 });
  assert.ok(performance.now() - startedAt < 6_000);
  assert.deepEqual(ordersFor("slow.ask.localhost"), []);
});

test("names made on demand are listed beside their wildcard, and refused ones nowhere", async () => {
  const rows = (await latchkey.status()).hosts.map(({ host, state }) => `${host} ${state}`);
  assert.deepEqual(rows, [
    "*.localhost waiting",
    "a.localhost valid",
    "exact.localhost valid",
    "*.ask.localhost waiting",
    "yes.ask.localhost valid",
    "* waiting",
    "customer.test valid",
  ]);
});

test("a service that is gone refuses new names, and those that have a certificate are served on", async () => {
  service.closeAllConnections();
  await closeServer(service);
  assert.deepEqual(await shakeHands(latchkey, "yes.internal"), { alert: 112 });
  assert.equal((await visit(latchkey, "yes.ask.localhost")).text, "asked");
});
