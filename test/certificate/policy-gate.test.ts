import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type TestContext, test } from "node:test";
import type { CertificateName } from "../../src/base/certificate-name.ts";
import { CaAccess } from "../../src/certificate/ca-access.ts";
import type { Decision } from "../../src/certificate/policy.ts";
import { PolicyGate } from "../../src/certificate/policy-gate.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { configOf } from "../support/config-text.ts";
import { named, openStorage } from "../support/stored.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

const SECOND = 1_000;

/** The gate of a configuration, and a real service that allows every name but the probe's. */
async function gateOf(t: TestContext, more: string) {
  const asked: string[] = [];
  const service = createServer(({ url = "" }, response) => {
    const name = new URL(url, "http://ask").searchParams.get("domain") ?? "";
    asked.push(name);
    response.writeHead(/^[a-z]{20}\./.test(name) ? 404 : 200).end();
  });
  const port = await listenAnywhere(service);
  t.after(() => closeServer(service));
  const config = configOf(`onDemand: { ask: "http://127.0.0.1:${port}/allowed" }\n${more}`);
  const routes = buildRoutes(config.hosts);
  const opened = await openStorage();
  t.after(() => opened[Symbol.asyncDispose]());
  const known = new Set<string>();
  /** As each manager of the program makes one, on one storage. */
  const open = async () => {
    const findHost = (name: CertificateName) => routes.findCertified(name);
    const authority = { directory: "https://nobody.internal/", transport: NOBODY };
    const steps = { ...opened, config, findHost, authority, signal: new AbortController().signal };
    const cas = new CaAccess(steps);
    await cas.budgets.open();
    return new PolicyGate({
      ...steps,
      isKnown: (host) => known.has(host),
      spendOnDemand: (domain, issuers) => cas.spendOnDemand(domain, issuers),
    });
  };
  return { gate: await open(), reopen: open, clock: opened.clock, known, asked };
}

const NOBODY = { request: () => Promise.reject(new Error("Nothing is asked of a CA")) };

const PRIVATE_CA = 'acme: { issuers: [{ directory: "https://127.0.0.1:9/directory" }] }';
const PUBLIC_HOSTS = 'hosts: { "*.shop.example": { respond: shop } }';
const INTERNAL_HOSTS = 'hosts: { "*.shop.localhost": { respond: shop } }';

/** A name a second, each from another client. */
async function decisionsOn(
  { gate, clock }: Pick<Awaited<ReturnType<typeof gateOf>>, "gate" | "clock">,
  count: number,
  parent: string,
  from = 0,
): Promise<Decision["kind"][]> {
  const kinds: Decision["kind"][] = [];
  for (let index = from; index < from + count; index += 1) {
    clock.advance(SECOND);
    const decision = await gate.decide(named(`n${index}.${parent}`), `192.0.2.${index}`);
    kinds.push(decision.kind);
  }
  return kinds;
}

test("T31: inside the policy a registered domain gets forty new names from a CA, the others wait", async (t) => {
  const world = await gateOf(t, `${PRIVATE_CA}\n${PUBLIC_HOSTS}`);
  const kinds = await decisionsOn(world, 60, "shop.example");
  assert.deepEqual(kinds, [...Array(40).fill("allowed"), ...Array(20).fill("later")]);
});

test("T31: what strangers have spent of a domain outlives the program: what is left of the CA's limit is for listed hosts", async (t) => {
  const world = await gateOf(t, `${PRIVATE_CA}\n${PUBLIC_HOSTS}`);
  assert.ok((await decisionsOn(world, 40, "shop.example")).every((kind) => kind === "allowed"));
  const next = { clock: world.clock, gate: await world.reopen() };
  assert.deepEqual(new Set(await decisionsOn(next, 10, "shop.example", 40)), new Set(["later"]));
  world.clock.advance(7 * 24 * 3_600 * SECOND);
  const last = { clock: world.clock, gate: await world.reopen() };
  assert.deepEqual(new Set(await decisionsOn(last, 40, "shop.example", 50)), new Set(["allowed"]));
});

test("our own authority has no budget of a domain to spend", async (t) => {
  const world = await gateOf(t, INTERNAL_HOSTS);
  const kinds = await decisionsOn(world, 60, "shop.localhost");
  assert.deepEqual(new Set(kinds), new Set(["allowed"]));
});

test("a question about a name spends nothing of its domain", async (t) => {
  const world = await gateOf(t, `${PRIVATE_CA}\n${PUBLIC_HOSTS}`);
  for (let index = 0; index < 60; index += 1) {
    world.clock.advance(SECOND);
    assert.ok(await world.gate.isAllowed(named(`q${index}.shop.example`), undefined));
  }
  assert.equal((await decisionsOn(world, 1, "shop.example"))[0], "allowed");
});

test("a name that has a certificate is known on port 80 without a question, whoever asks", async (t) => {
  const world = await gateOf(t, INTERNAL_HOSTS);
  const host = named("a.shop.localhost");
  world.known.add(host);
  for (let index = 0; index < 100; index += 1)
    assert.ok(await world.gate.isAllowed(host, "192.0.2.1"));
  assert.deepEqual(world.asked, []);
});

test("a client over its budget has nobody asked, and is told so", async (t) => {
  const { gate, asked } = await gateOf(t, INTERNAL_HOSTS);
  const kinds: string[] = [];
  for (let index = 0; index < 30; index += 1)
    kinds.push((await gate.decide(named(`n${index}.shop.localhost`), "192.0.2.1")).kind);
  assert.deepEqual(kinds, [...Array(20).fill("allowed"), ...Array(10).fill("spent")]);
  assert.equal(asked.length, 21, "twenty names, and the probe's");
});
