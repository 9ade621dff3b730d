import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createAsk } from "../../src/certificate/ask.ts";
import { decide } from "../../src/certificate/policy.ts";
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
const never = async () => assert.fail("nobody is to be asked");

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

test("decide: a name about which the service says nothing is refused, but not for good", async () => {
  const found = wildcard({ allow: [], ask: "http://127.0.0.1:1/allowed" });
  for (const [answer, isFinal] of [
    [undefined, false],
    [false, true],
  ] as const) {
    const steps = { findHost: () => found, ask: async () => answer };
    const decision = await decide(steps, named("a.shop.example"));
    assert.equal(decision.kind === "refused" && decision.isFinal, isFinal);
  }
});

for (const { name, host, found, kind } of cases) {
  test(`decide: ${name} is ${kind}`, async () => {
    const decision = await decide({ findHost: () => found, ask: never }, named(host));
    assert.equal(decision.kind, kind);
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
  test(`ask: ${name}`, async (t) => {
    const { url, seen } = await service(t, answer);
    const ask = createAsk(new ManualClock(), keptLog(), new AbortController().signal);
    assert.equal(await ask(url, named("a.shop.example")), allows);
    assert.deepEqual(seen, ["/allowed?team=7&domain=a.shop.example"]);
  });
}

test("ask puts one question for a hundred askers, remembers the answer for a minute, then asks again", async (t) => {
  const { url, seen } = await service(t, (_, response) => response.end());
  const clock = new ManualClock();
  const ask = createAsk(clock, keptLog(), new AbortController().signal);
  const host = named("a.shop.example");
  await Promise.all(Array.from({ length: 100 }, () => ask(url, host)));
  assert.equal(seen.length, 1);
  clock.advance(59_000);
  await ask(url, host);
  assert.equal(seen.length, 1);
  clock.advance(2_000);
  await ask(url, host);
  assert.equal(seen.length, 2);
});

test("ask has no answer when the service says nothing for two seconds, and tells the log", async (t) => {
  const { url } = await service(t, () => {});
  const log = keptLog();
  const ask = createAsk(new ManualClock(), log, new AbortController().signal);
  assert.equal(await ask(url, named("a.shop.example")), undefined);
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
        ask("http://127.0.0.1:1/allowed", named(`${round}${index}.shop.example`)),
      ),
    );
  await flood("a");
  assert.equal(lines(), 1);
  clock.advance(60_000);
  await flood("b");
  assert.equal(lines(), 2);
});
