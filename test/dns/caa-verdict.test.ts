import assert from "node:assert/strict";
import { test } from "node:test";
import { type CaaQuestion, findCaa, judgeCaa } from "../../src/dns/caa.ts";
import { type CaaRecord, Resolver } from "../../src/dns/resolver.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

const ACCOUNT = "https://ca.example/acct/7";
const OURS: CaaQuestion = {
  identities: ["ca.example", "ca.test"],
  isWildcard: false,
  account: ACCOUNT,
  methods: ["http-01", "tls-alpn-01"],
};

function records(...properties: readonly string[]): readonly CaaRecord[] {
  return properties.map((text) => {
    const [, critical, tag = "", value = ""] = /^(!?)(\S+) ?(.*)$/.exec(text) ?? [];
    return { isCritical: critical === "!", tag, value };
  });
}

const rows: readonly {
  readonly records: readonly string[];
  readonly with?: Partial<CaaQuestion>;
  readonly verdict: string;
}[] = [
  { records: [], verdict: "allowed" },
  { records: ["issue ca.example"], verdict: "allowed" },
  { records: ["issue  CA.Test ; "], verdict: "allowed" },
  { records: ["issue other.example"], verdict: "forbidden issuer" },
  { records: ["issue other.example", "issue ca.test"], verdict: "allowed" },
  { records: ["issue ;"], verdict: "forbidden issuer" },
  { records: ["issue"], verdict: "forbidden issuer" },
  { records: ["iodef mailto:a@b.example"], verdict: "allowed" },
  { records: ["!iodef mailto:a@b.example"], verdict: "allowed" },
  { records: ["!issue ca.example"], verdict: "allowed" },
  { records: ["tbs Unknown"], verdict: "allowed" },
  { records: ["issue ca.example", "!tbs Unknown"], verdict: "forbidden critical" },
  { records: ["issue ca.example", "issuewild ;"], verdict: "allowed" },
  {
    records: ["issue ca.example", "issuewild ;"],
    with: { isWildcard: true },
    verdict: "forbidden issuer",
  },
  { records: ["issue ;", "issuewild ca.test"], with: { isWildcard: true }, verdict: "allowed" },
  { records: ["issue ca.test"], with: { isWildcard: true }, verdict: "allowed" },
  { records: [`issue ca.example; accounturi=${ACCOUNT}`], verdict: "allowed" },
  {
    records: ["issue ca.example; accounturi=https://ca.example/acct/8"],
    verdict: "forbidden accounturi",
  },
  {
    records: [`issue ca.example; accounturi=${ACCOUNT}`],
    with: { account: undefined },
    verdict: "forbidden accounturi",
  },
  {
    records: ["issue ca.example; accounturi=https://ca.example/acct/8", "issue ca.example"],
    verdict: "allowed",
  },
  { records: ["issue ca.example; validationmethods=dns-01,http-01"], verdict: "allowed" },
  {
    records: ["issue ca.example; validationmethods=dns-01"],
    verdict: "forbidden validationmethods",
  },
  { records: ["issue ca.example; anything=else"], verdict: "allowed" },
  { records: ["issue ca.example"], with: { identities: [] }, verdict: "unclear" },
  { records: ["issue ;"], with: { identities: [] }, verdict: "forbidden issuer" },
];

for (const row of rows) {
  const about = row.with === undefined ? "" : ` to ${JSON.stringify(row.with)}`;
  test(`CAA ${JSON.stringify(row.records)} means "${row.verdict}"${about}`, () => {
    const verdict = judgeCaa(records(...row.records), { ...OURS, ...row.with });
    const { kind } = verdict;
    assert.equal(kind === "forbidden" ? `${kind} ${verdict.by}` : kind, row.verdict);
  });
}

const caa = (value: string): Said => ({
  answers: [{ type: "CAA", name: "x", data: { flags: 0, tag: "issue", value } }],
});

const zones: readonly [
  what: string,
  zone: Readonly<Record<string, Said>>,
  set: Readonly<Record<string, unknown>>,
][] = [
  ["nobody has any", {}, { kind: "none" }],
  [
    "the closest name decides",
    { "www.shop.example": caa("ca.example"), "shop.example": caa(";") },
    { kind: "found", at: "www.shop.example" },
  ],
  ["a name above decides", { example: caa(";") }, { kind: "found", at: "example" }],
  [
    "a server that fails is no permission",
    { "shop.example": { rcode: "SERVFAIL" }, example: caa("ca.example") },
    { kind: "failed", at: "shop.example", code: "ESERVFAIL" },
  ],
  [
    "a name that does not exist has what stands above it",
    { "www.shop.example": { rcode: "NXDOMAIN" }, "shop.example": caa("ca.example") },
    { kind: "found", at: "shop.example" },
  ],
];

for (const [what, zone, wanted] of zones) {
  test(`climbing for CAA: ${what}`, async () => {
    await using server = await startNameServer((_type, name) => zone[name] ?? { answers: [] });
    const resolver = new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 });
    const signal = AbortSignal.timeout(20_000);
    const { records: _, ...set } = {
      records: [],
      ...(await findCaa(resolver, "www.shop.example", signal)),
    };
    assert.deepEqual(set, wanted);
  });
}
