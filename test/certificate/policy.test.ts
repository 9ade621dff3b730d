import assert from "node:assert/strict";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createAsk } from "../../src/certificate/ask.ts";
import { decide, type PolicySteps, type Visit } from "../../src/certificate/policy.ts";
import type { CertificateSource, Host, OnDemand } from "../../src/config/config.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const issuers = [{ kind: "internal" }] as const;

function entry(pattern: Host["pattern"], certificate: CertificateSource): Host {
  return { pattern, certificate, action: { kind: "respond", status: 200, headers: {}, body: "" } };
}

function wildcard(onDemand: OnDemand | undefined): Host {
  return entry(
    { kind: "wildcard", parent: named("shop.example") },
    { kind: "acme", issuers, onDemand },
  );
}

const listed = entry(
  { kind: "exact", host: named("shop.example") },
  { kind: "acme", issuers, onDemand: undefined },
);
/** Steps that let everything pass, and write down which of them were taken. */
function recordingSteps(found: Host | undefined, replaced: Partial<PolicySteps> = {}) {
  const taken: string[] = [];
  const noted =
    <Args extends readonly unknown[], Outcome>(name: string, step: (...args: Args) => Outcome) =>
    (...args: Args): Outcome => {
      taken.push(name);
      return step(...args);
    };
  const all: PolicySteps = {
    findHost: () => found,
    isNew: () => true,
    spendClient: () => true,
    spendDomain: async () => true,
    isDiscerning: async () => true,
    ask: async () => true,
    straying: async () => undefined,
    ...replaced,
  };
  const steps: PolicySteps = {
    ...all,
    spendClient: noted("client", all.spendClient),
    spendDomain: noted("domain", all.spendDomain),
    isDiscerning: noted("probe", all.isDiscerning),
    ask: noted("ask", all.ask),
    straying: noted("dns", all.straying),
  };
  return { steps, taken };
}

const order: Visit = { client: "192.0.2.1", orders: true };
const look: Visit = { client: "192.0.2.1", orders: false };

const cases = [
  { name: "a listed host", host: "shop.example", found: listed, kind: "allowed" },
  { name: "a name that no host matches", host: "other.example", found: undefined, kind: "refused" },
  {
    name: "a wildcard without a policy",
    host: "a.shop.example",
    found: wildcard(undefined),
    kind: "refused",
  },
  {
    name: "a name that the list allows",
    host: "a.shop.example",
    found: wildcard({ allow: ["a.shop.example"], ask: undefined }),
    kind: "allowed",
  },
  {
    name: "a name that the list does not allow",
    host: "b.shop.example",
    found: wildcard({ allow: ["a.shop.example"], ask: undefined }),
    kind: "refused",
  },
  {
    name: "a name that a pattern allows",
    host: "b.shop.example",
    found: wildcard({ allow: ["*.shop.example"], ask: undefined }),
    kind: "allowed",
  },
  {
    name: "a name two labels below a pattern",
    host: "c.b.shop.example",
    found: wildcard({ allow: ["*.shop.example"], ask: undefined }),
    kind: "refused",
  },
  {
    name: "a reverse name",
    host: "1.0.0.10.in-addr.arpa",
    found: wildcard({ allow: ["1.0.0.10.in-addr.arpa"], ask: undefined }),
    kind: "refused",
  },
  {
    name: "a name of nine labels",
    host: "a.a.a.a.a.a.a.a.a",
    found: wildcard({ allow: ["a.a.a.a.a.a.a.a.a"], ask: undefined }),
    kind: "refused",
  },
  {
    name: "files given by hand",
    host: "shop.example",
    found: entry(listed.pattern, { kind: "manual", chain: "/c", key: "/k" }),
    kind: "not-ours",
  },
  {
    name: "a host that is passed through",
    host: "shop.example",
    found: entry(listed.pattern, { kind: "none" }),
    kind: "not-ours",
  },
] as const;

for (const { name, host, found, kind } of cases) {
  test(`decide: ${name} is ${kind}, and nobody is asked`, async () => {
    const { steps, taken } = recordingSteps(found);
    const decision = await decide(steps, named(host), order);
    assert.equal(decision.kind, kind);
    assert.ok(!taken.includes("ask") && !taken.includes("dns"));
  });
}

const asked = wildcard({ allow: ["listed.shop.example", "*.shop.example.net"], ask: "http://a/" });
const byPattern = wildcard({ allow: ["*.shop.example"], ask: undefined });
/** In the order of `decide`: what comes after the step that says no is not taken. */
const brakes: readonly {
  readonly name: string;
  readonly found: Host;
  readonly host?: string;
  readonly replaced?: Partial<PolicySteps>;
  readonly visit?: Visit;
  readonly decision: object;
  readonly taken: readonly string[];
}[] = [
  {
    name: "every brake lets a new name pass",
    found: asked,
    decision: { kind: "allowed", issuers, listed: false },
    taken: ["client", "probe", "ask", "dns", "domain"],
  },
  {
    name: "a name that the list spells out costs nobody anything",
    found: asked,
    host: "listed.shop.example",
    decision: { kind: "allowed", issuers, listed: false },
    taken: [],
  },
  {
    name: "a client over its budget has nobody asked",
    found: asked,
    replaced: { spendClient: () => false },
    decision: { kind: "spent" },
    taken: ["client"],
  },
  {
    name: "a pattern of the list does not free a client from its budget",
    found: byPattern,
    replaced: { spendClient: () => false },
    decision: { kind: "spent" },
    taken: ["client"],
  },
  {
    name: "a service that allows any name is not asked",
    found: asked,
    replaced: { isDiscerning: async () => false },
    decision: { kind: "refused", why: "onDemand.ask allows any name", isFinal: false },
    taken: ["client", "probe"],
  },
  {
    name: "a service that never answered is not asked",
    found: asked,
    replaced: { isDiscerning: async () => undefined },
    decision: { kind: "refused", why: "onDemand.ask does not answer", isFinal: false },
    taken: ["client", "probe"],
  },
  {
    name: "silence refuses, but not for good",
    found: asked,
    replaced: { ask: async () => undefined },
    decision: { kind: "refused", why: "onDemand.ask does not answer", isFinal: false },
    taken: ["client", "probe", "ask"],
  },
  {
    name: "no is no, and DNS is not asked",
    found: asked,
    replaced: { ask: async () => false },
    decision: { kind: "refused", why: "onDemand.ask says no", isFinal: true },
    taken: ["client", "probe", "ask"],
  },
  {
    name: "a name that leads elsewhere is refused",
    found: asked,
    replaced: { straying: async () => "it leads to 192.0.2.9" },
    decision: { kind: "refused", why: "it leads to 192.0.2.9", isFinal: true },
    taken: ["client", "probe", "ask", "dns"],
  },
  {
    name: "a domain over its budget waits",
    found: asked,
    replaced: { spendDomain: async () => false },
    decision: {
      kind: "later",
      why: "its domain has had its share of new certificates for now",
    },
    taken: ["client", "probe", "ask", "dns", "domain"],
  },
  {
    name: "who only wants to know asks neither DNS nor the budget of the domain",
    found: asked,
    visit: look,
    decision: { kind: "allowed", issuers, listed: false },
    taken: ["client", "probe", "ask"],
  },
  {
    name: "a name that was allowed before costs no budget, and is renewed on the word of any service",
    found: asked,
    replaced: { isNew: () => false },
    decision: { kind: "allowed", issuers, listed: false },
    taken: ["ask", "dns"],
  },
];

for (const { name, found, host = "a.shop.example", replaced, visit = order, ...wanted } of brakes) {
  test(`decide: ${name}`, async () => {
    const { steps, taken } = recordingSteps(found, replaced);
    const decision = await decide(steps, named(host), visit);
    assert.deepEqual({ decision, taken }, wanted);
  });
}

/** An `ask` service on loopback. */
async function service(
  t: TestContext,
  answer: RequestListener,
): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/allowed?team=7`, seen };
}

const answers: readonly { name: string; answer: RequestListener; allows: boolean | undefined }[] = [
  { name: "200 allows", answer: (_, response) => response.end("ok"), allows: true },
  { name: "204 refuses", answer: (_, response) => response.writeHead(204).end(), allows: false },
  { name: "404 refuses", answer: (_, response) => response.writeHead(404).end(), allows: false },
  {
    name: "a redirect refuses and is not followed",
    answer: (_, response) => response.writeHead(302, { location: "/yes" }).end(),
    allows: false,
  },
  {
    name: "a redirect into the machine's own network refuses and is not followed",
    answer: (_, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/latest" }).end(),
    allows: false,
  },
  {
    name: "of a body without end nothing is read",
    answer: (_, response) => {
      const pour = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.writeHead(403).on("drain", pour);
      pour();
    },
    allows: false,
  },
  {
    name: "a head without end is no answer",
    answer: (request) => {
      const { socket } = request;
      const pour = () => {
        while (!socket.destroyed && socket.write(`x: ${"x".repeat(8_192)}\r\n`));
      };
      socket.on("drain", pour).on("error", () => {});
      socket.write("HTTP/1.1 200 OK\r\n");
      pour();
    },
    allows: undefined,
  },
  {
    name: "a closed connection is no answer",
    answer: (request) => request.socket.destroy(),
    allows: undefined,
  },
  {
    name: "nonsense is no answer",
    answer: (request) => request.socket.end("nonsense\r\n\r\n"),
    allows: undefined,
  },
  {
    name: "another protocol is no answer",
    answer: (request) =>
      request.socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
      ),
    allows: undefined,
  },
];

for (const { name, answer, allows } of answers) {
  test(`T33: ask: ${name}`, async (t) => {
    const { url, seen } = await service(t, answer);
    const ask = createAsk(new ManualClock(), keptLog(), new AbortController().signal);
    assert.equal(await ask.about(url, named("a.shop.example"), true), allows);
    assert.deepEqual(seen, ["/allowed?team=7&domain=a.shop.example"]);
  });
}

test("ask puts one question for a hundred askers, remembers the answer for a minute, then asks again", async (t) => {
  const { url, seen } = await service(t, (_, response) => response.end());
  const clock = new ManualClock();
  const ask = createAsk(clock, keptLog(), new AbortController().signal);
  const host = named("a.shop.example");
  await Promise.all(Array.from({ length: 100 }, () => ask.about(url, host, true)));
  assert.equal(seen.length, 1);
  clock.advance(59_000);
  await ask.about(url, host, true);
  assert.equal(seen.length, 1);
  clock.advance(2_000);
  await ask.about(url, host, true);
  assert.equal(seen.length, 2);
});

test("T33: ask has no answer when the service says nothing for two seconds, and tells the log", async (t) => {
  const { url } = await service(t, () => {});
  const log = keptLog();
  const ask = createAsk(new ManualClock(), log, new AbortController().signal);
  assert.equal(await ask.about(url, named("a.shop.example"), true), undefined);
  const { host, message } = log.only("on-demand.ask-failed");
  assert.equal(host, "a.shop.example");
  assert.match(String(message), /no answer within 2000 ms$/);
});

test("a service that is down costs one line a minute, however many names strangers make up", async () => {
  const log = keptLog();
  const clock = new ManualClock();
  const ask = createAsk(clock, log, new AbortController().signal);
  const lines = () => log.events.filter(({ event }) => event === "on-demand.ask-failed").length;
  const flood = (round: string) =>
    Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        ask.about("http://127.0.0.1:1/allowed", named(`${round}${index}.shop.example`), false),
      ),
    );
  await flood("a");
  assert.equal(lines(), 1);
  clock.advance(60_000);
  await flood("b");
  assert.equal(lines(), 2);
});

test("T33: at most eight questions are under way at once", async (t) => {
  const waiting: ServerResponse[] = [];
  let most = 0;
  const { url } = await service(t, (_, response) => {
    most = Math.max(most, waiting.push(response));
    // Answered when eight have come; a ninth would have come with them.
    if (waiting.length === 8)
      setImmediate(() => waiting.splice(0).forEach((each) => void each.end()));
  });
  const ask = createAsk(new ManualClock(), keptLog(), new AbortController().signal);
  const names = Array.from({ length: 40 }, (_, index) => named(`n${index}.example`));
  await Promise.all(names.map((name) => ask.about(url, name, false)));
  assert.equal(most, 8);
});

test("a silent service is left alone for five seconds about a name", async (t) => {
  const { url, seen } = await service(t, (request) => request.socket.destroy());
  const clock = new ManualClock();
  const ask = createAsk(clock, keptLog(), new AbortController().signal);
  for (const [waitMs, questions] of [
    [0, 1],
    [4_999, 1],
    [1, 2],
  ] as const) {
    clock.advance(waitMs);
    assert.equal(await ask.about(url, named("a.shop.example"), true), undefined);
    assert.equal(seen.length, questions);
  }
});

test("T31: ask hears of 64 new names in a second at most, whoever makes them up; of known ones always", async (t) => {
  const { url, seen } = await service(t, (_, response) => response.writeHead(403).end());
  const clock = new ManualClock();
  const log = keptLog();
  const ask = createAsk(clock, log, new AbortController().signal);
  let count = 0;
  const flood = (names: number, isNew: boolean) =>
    Promise.all(
      Array.from({ length: names }, () => ask.about(url, named(`n${count++}.example`), isNew)),
    );
  const answers = await flood(500, true);
  assert.equal(seen.length, 32);
  assert.equal(answers.filter((said) => said === undefined).length, 468);
  for (let tenths = 0; tenths < 10; tenths += 1) {
    clock.advance(100);
    await flood(50, true);
  }
  assert.ok(seen.length <= 64 + 1, `${seen.length} questions`);
  const before = seen.length;
  await flood(10, false);
  assert.equal(seen.length, before + 10);
  assert.equal(log.only("on-demand.budget-spent")["budget"], "ask");
});
