import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Resolver } from "../../src/dns/resolver.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

const never = new AbortController().signal;
const ttl = 1;

function asking(server: { readonly address: string }): Resolver {
  return new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 });
}

/** Everything the server of these tests knows. */
const known: Readonly<Record<string, Said>> = {
  "A both.example": {
    answers: [{ type: "A", name: "both.example", ttl, data: "192.0.2.1" }],
  },
  "AAAA both.example": {
    answers: [{ type: "AAAA", name: "both.example", ttl, data: "2001:db8::1" }],
  },
  "A four.example": { answers: [{ type: "A", name: "four.example", ttl, data: "192.0.2.4" }] },
  "AAAA four.example": { rcode: "SERVFAIL" },
  "A broken.example": { rcode: "SERVFAIL" },
  "AAAA broken.example": { answers: [] },
  "A bare.example": { answers: [] },
  "AAAA bare.example": { answers: [] },
  "A absent.example": { rcode: "NXDOMAIN" },
  "AAAA absent.example": { rcode: "NXDOMAIN" },
  "TXT text.example": {
    answers: [
      { type: "TXT", name: "text.example", ttl, data: ["one ", "value"] },
      { type: "TXT", name: "text.example", ttl, data: ["another"] },
    ],
  },
  "TXT crowded.example": {
    answers: Array.from({ length: 100 }, (_, index) => ({
      type: "TXT" as const,
      name: "crowded.example",
      ttl,
      data: [`value-${index}`],
    })),
  },
  "CAA caa.example": {
    answers: [
      {
        type: "CAA",
        name: "caa.example",
        ttl,
        data: { flags: 128, tag: "issue", value: "ca.example", issuerCritical: true },
      },
      { type: "CAA", name: "caa.example", ttl, data: { flags: 0, tag: "issuewild", value: ";" } },
    ],
  },
  "NS zone.example": {
    answers: [{ type: "NS", name: "zone.example", ttl, data: "ns1.zone.example" }],
  },
  "CNAME alias.example": {
    answers: [{ type: "CNAME", name: "alias.example", ttl, data: "target.example" }],
  },
  "SOA zone.example": {
    answers: [
      {
        type: "SOA",
        name: "zone.example",
        ttl,
        data: {
          mname: "ns1.zone.example",
          rname: "ops.zone.example",
          serial: 2_026_112_501,
          refresh: 1,
          retry: 1,
          expire: 1,
          minimum: 1,
        },
      },
    ],
  },
};

const rows: readonly {
  readonly name: string;
  readonly ask: (resolver: Resolver) => Promise<unknown>;
  readonly says: unknown;
}[] = [
  {
    name: "both families, IPv4 first",
    ask: (resolver) => resolver.addresses("both.example", never),
    says: { kind: "found", records: ["192.0.2.1", "2001:db8::1"] },
  },
  {
    name: "one family when the other fails",
    ask: (resolver) => resolver.addresses("four.example", never),
    says: { kind: "found", records: ["192.0.2.4"] },
  },
  {
    name: "nothing known when one family fails and the other is empty",
    ask: async (resolver) => (await resolver.addresses("broken.example", never)).kind,
    says: "failed",
  },
  {
    name: "a name without addresses",
    ask: (resolver) => resolver.addresses("bare.example", never),
    says: { kind: "absent", why: "NODATA" },
  },
  {
    name: "a name that does not exist",
    ask: (resolver) => resolver.addresses("absent.example", never),
    says: { kind: "absent", why: "NXDOMAIN" },
  },
  {
    name: "every TXT record, each in one piece",
    ask: (resolver) => resolver.txt("text.example", never),
    says: { kind: "found", records: ["one value", "another"] },
  },
  {
    name: "CAA records with their tag and flag",
    ask: (resolver) => resolver.caa("caa.example", never),
    says: {
      kind: "found",
      records: [
        { isCritical: true, tag: "issue", value: "ca.example" },
        { isCritical: false, tag: "issuewild", value: ";" },
      ],
    },
  },
  {
    name: "the servers of a zone",
    ask: (resolver) => resolver.nameServers("zone.example", never),
    says: { kind: "found", records: ["ns1.zone.example"] },
  },
  {
    name: "where an alias leads",
    ask: (resolver) => resolver.alias("alias.example", never),
    says: { kind: "found", records: ["target.example"] },
  },
  {
    name: "the serial number of a zone",
    ask: (resolver) => resolver.zoneSerial("zone.example", never),
    says: { kind: "found", records: [2_026_112_501] },
  },
];

for (const { name, ask, says } of rows) {
  test(`the resolver tells ${name}`, async () => {
    await using server = await startNameServer((type, asked) => known[`${type} ${asked}`]);
    assert.deepEqual(await ask(asking(server)), says);
  });
}

test("a question that is not answered ends with its signal", async () => {
  const stopping = new AbortController();
  const asked = new EventTarget();
  await using server = await startNameServer(() => {
    asked.dispatchEvent(new Event("question"));
    return undefined;
  });
  const heard = once(asked, "question");
  const answer = asking(server).addresses("silent.example", stopping.signal);
  await heard;
  stopping.abort(new Error("stopping"));
  await assert.rejects(answer, /stopping/);
});

test("a server that never answers is a failure, not an absence", async () => {
  await using server = await startNameServer(() => undefined);
  const resolver = new Resolver({ servers: [server.address], timeoutMs: 50, tries: 1 });
  const lookup = await resolver.txt("silent.example", never);
  assert.equal(lookup.kind, "failed");
});

test("a proof is seen among a hundred values at its name", async () => {
  await using server = await startNameServer((type, name) => known[`${type} ${name}`]);
  const found = await asking(server).txt("crowded.example", never);
  assert.ok(found.kind === "found");
  assert.deepEqual(
    new Set(found.records),
    new Set(Array.from({ length: 100 }, (_, index) => `value-${index}`)),
  );
});
