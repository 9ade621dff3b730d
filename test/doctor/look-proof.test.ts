import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import type { DnsEntry, DnsProvider } from "../../src/config/dns-entry.ts";
import { changeLimits } from "../../src/config/limits.ts";
import { lookAtProof } from "../../src/doctor/look-proof.ts";
import { findingsOfProof } from "../../src/doctor/proof-findings.ts";
import { saidOf, zoneAt } from "../support/dns-zone.ts";
import { grave } from "../support/findings.ts";
import { type Said, startNameServer } from "../support/name-server.ts";
import { named } from "../support/stored.ts";

const never = new AbortController().signal;
const WILDCARD = `*.${named("shop.example")}` as const;
const ASKED = "_acme-challenge.shop.example";
const SERVFAIL: Said = { rcode: "SERVFAIL" };

/** Cloudflare's API as a token sees it that has one zone; everything that was asked of it. */
const asked: string[] = [];
const api = createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://api");
  asked.push(`${request.method} ${url.pathname}`);
  const isGood = request.headers.authorization === "Bearer good";
  const result = url.searchParams.get("name") === "acme.example" ? [{ id: "1" }] : [];
  const errors = isGood ? [] : [{ code: 10_000, message: "Authentication error" }];
  response.writeHead(isGood ? 200 : 403).end(JSON.stringify({ success: isGood, errors, result }));
});
await once(api.listen(0, "127.0.0.1"), "listening");
const { port } = api.address() as AddressInfo;
after(() => {
  api.close();
  api.closeAllConnections();
});

const exec: DnsProvider = { kind: "exec", command: ["/bin/true"], environment: {}, timeoutMs: 1 };
const cloudflare = (token: string): DnsProvider => ({
  ...{ kind: "cloudflare", token },
  endpoint: `http://127.0.0.1:${port}`,
});
const acmeDns: DnsProvider = {
  ...{ kind: "acme-dns", server: "https://dns.acme.example" },
  accounts: { "shop.example": { username: "u", password: "p", subdomain: "d420" } },
};
const entry = (provider: DnsProvider, more: Partial<DnsEntry> = {}): DnsEntry => ({
  ...{ zones: [], authoritative: [], provider },
  ...more,
});

type Dns = Readonly<Record<string, Said>>;
const ZONE = zoneAt("shop.example", "127.0.0.1");
const ALIASED: Dns = {
  ...zoneAt("acme.example", "127.0.0.1"),
  [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, "d420.acme.example"),
};

interface Row {
  readonly what: string;
  readonly dns: Dns;
  readonly entries: readonly DnsEntry[];
  readonly findings: readonly string[];
  readonly isForPublicCa?: boolean;
}

const rows: readonly Row[] = [
  { what: "its own zone", dns: ZONE, entries: [entry(exec)], findings: [] },
  { what: "the zone of an alias", dns: ALIASED, entries: [entry(acmeDns)], findings: [] },
  {
    what: "a zone that the token sees",
    ...{ dns: ALIASED, entries: [entry(cloudflare("good"))] },
    findings: [],
  },
  {
    what: "a zone that the token does not see",
    ...{ dns: ZONE, entries: [entry(cloudflare("good"))] },
    findings: ["problem dns.provider"],
  },
  {
    what: "a zone of Cloudflare, with a token that is none",
    ...{ dns: ALIASED, entries: [entry(cloudflare("bad"))] },
    findings: ["problem dns.provider"],
  },
  {
    what: "a zone of Cloudflare, with a token that only the service has",
    ...{ dns: ALIASED, entries: [entry(cloudflare(""))] },
    findings: [],
  },
  {
    what: "a name that no alias leads from to its account",
    ...{ dns: ZONE, entries: [entry(acmeDns)] },
    findings: ["problem dns.provider"],
  },
  {
    what: "a zone that no entry is for, since the alias is missing",
    ...{ dns: ZONE, entries: [entry(exec, { zones: ["acme.example"] })] },
    findings: ["problem dns.no-entry"],
  },
  {
    what: "an alias that leads out of the zones of its entry",
    ...{ dns: ALIASED, entries: [entry(exec, { zones: ["shop.example"] })] },
    findings: ["advice dns.outside-zones"],
  },
  {
    what: "an alias in circles",
    dns: { ...ZONE, [`CNAME ${ASKED}`]: saidOf("CNAME", ASKED, ASKED) },
    ...{ entries: [entry(exec)], findings: ["problem dns.alias-broken"] },
  },
  {
    what: "name servers that fail",
    dns: { ...ZONE, [`CNAME ${ASKED}`]: SERVFAIL },
    ...{ entries: [entry(exec)], findings: ["problem dns.no-answer"] },
  },
  {
    what: "a zone whose servers know nothing of it",
    dns: { ...ZONE, [`TXT ${ASKED}`]: { rcode: "REFUSED" } },
    ...{ entries: [entry(exec)], findings: ["problem dns.servers-silent"] },
  },
  {
    what: "no zone at all, as with name servers of tests",
    ...{ dns: {}, entries: [entry(exec)], findings: ["advice dns.no-zone"] },
  },
  {
    what: "servers that a CA on the internet cannot reach",
    ...{ dns: ZONE, entries: [entry(exec)], isForPublicCa: true },
    findings: ["advice dns.private-view"],
  },
];

for (const { what, dns, entries, findings, isForPublicCa = false } of rows) {
  test(`proofs that go to ${what} give ${findings.join() || "nothing to do"}`, async () => {
    const { seen, spared } = await look(dns, entries, isForPublicCa);
    assert.deepEqual(grave(seen), findings);
    // With another challenge beside it, nothing fails because of it.
    const milder = findings.map((each) => each.replace("problem", "advice"));
    assert.deepEqual(grave(spared), milder);
    assert.ok(
      asked.every((each) => each.startsWith("GET ")),
      asked.join(),
    );
  });
}

test("where proofs go is told in a line", async () => {
  const { seen } = await look(ALIASED, [entry(cloudflare("good"))], false);
  assert.deepEqual(
    seen.map(({ saw }) => saw),
    [
      `proofs in DNS go to d420.acme.example, where ${ASKED} leads, in the zone acme.example`,
      "cloudflare has a place for d420.acme.example",
    ],
  );
});

test("servers that say nothing are told though the resolvers answer, and so are resolvers that do not", async () => {
  await using silent = await startNameServer(() => undefined, { host: "127.0.0.2", port: 0 });
  const more = { authoritative: [silent.address] };
  const { seen } = await look(ZONE, [entry(exec, more)], false);
  assert.deepEqual(grave(seen), ["advice dns.server-silent"], "the resolvers answer");
  const question = {
    ...{ certificate: WILDCARD, entries: [entry(exec)] },
    resolvers: { servers: [silent.address], timeoutMs: 5_000, tries: 1 },
  } as const;
  const late = await lookAtProof(question, { timeoutMs: 50, clock: systemClock }, never);
  assert.deepEqual(late, { kind: "unanswered", why: "no answer in time" });
  const ended = AbortSignal.abort(new Error("enough"));
  const options = { timeoutMs: 5_000, clock: systemClock };
  await assert.rejects(lookAtProof(question, options, ended), /enough/);
});

/** What is found where dns-01 is the only way, and where it is one of several. */
async function look(dns: Dns, entries: readonly DnsEntry[], isForPublicCa: boolean) {
  await using server = await startNameServer(
    (type, name) => dns[`${type} ${name}`] ?? { answers: [] },
  );
  changeLimits({ dnsPort: Number(server.address.split(":").at(-1)) });
  const resolvers = { servers: [server.address], timeoutMs: 200, tries: 1 };
  const sight = await lookAtProof(
    { certificate: WILDCARD, entries, resolvers },
    { timeoutMs: 5_000, clock: systemClock },
    never,
  );
  return {
    seen: findingsOfProof(sight, { isForPublicCa, isSpared: false }),
    spared: findingsOfProof(sight, { isForPublicCa, isSpared: true }),
  };
}
