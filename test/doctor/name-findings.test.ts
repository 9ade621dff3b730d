import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lookup } from "../../src/dns/resolver.ts";
import {
  findingsOfName,
  type NameQuestion,
  type NameSight,
} from "../../src/doctor/name-findings.ts";
import { grave } from "../support/findings.ts";

const NODATA: Lookup<string> = { kind: "absent", why: "NODATA" };
const NXDOMAIN: Lookup<string> = { kind: "absent", why: "NXDOMAIN" };
const found = (...records: readonly string[]): Lookup<string> => ({ kind: "found", records });
const failed = (code: string): Lookup<string> => ({ kind: "failed", code, detail: code });
const says = (...addresses: readonly string[]) => ({ kind: "addresses", addresses }) as const;

const WELL: NameSight = {
  host: "shop.example",
  ipv4: found("203.0.113.7"),
  ipv6: NODATA,
  alias: undefined,
  tookMs: 20,
  servers: [],
  isByWildcard: false,
};
const QUESTION: NameQuestion = { isForPublicCa: true, hasDns: false, slowMs: 2_000 };

const rows: readonly {
  readonly what: string;
  readonly sight: Partial<NameSight>;
  readonly question?: Partial<NameQuestion>;
  readonly findings: readonly string[];
}[] = [
  { what: "an address", sight: {}, findings: [] },
  {
    what: "no such name",
    sight: { ipv4: NXDOMAIN, ipv6: NXDOMAIN },
    findings: ["problem name.nxdomain"],
  },
  {
    what: "no such name, which dns-01 does not mind",
    sight: { ipv4: NXDOMAIN, ipv6: NXDOMAIN },
    question: { hasDns: true },
    findings: ["advice name.nxdomain"],
  },
  {
    what: "a name without addresses",
    sight: { ipv4: NODATA },
    findings: ["problem name.no-address"],
  },
  {
    what: "an alias of nothing",
    sight: { ipv4: NXDOMAIN, ipv6: NXDOMAIN, alias: "gone.example" },
    findings: ["problem name.alias-broken"],
  },
  {
    what: "name servers that fail",
    sight: { ipv4: failed("ESERVFAIL"), ipv6: failed("ESERVFAIL") },
    findings: ["problem name.servfail"],
  },
  {
    what: "name servers that are silent",
    sight: { ipv4: failed("ETIMEOUT"), ipv6: failed("ETIMEOUT") },
    findings: ["problem name.no-answer"],
  },
  {
    what: "one family that fails",
    sight: { ipv6: failed("ESERVFAIL") },
    findings: ["advice name.half-fails"],
  },
  {
    what: "an address that the internet does not reach",
    sight: { ipv4: found("192.168.0.9") },
    findings: ["problem name.private"],
  },
  {
    what: "the same for a CA next door",
    sight: { ipv4: found("192.168.0.9") },
    question: { isForPublicCa: false },
    findings: [],
  },
  {
    what: "servers of one mind",
    sight: {
      servers: [
        { name: "ns1", says: says("203.0.113.7", "203.0.113.8") },
        { name: "ns2", says: says("203.0.113.8", "203.0.113.7") },
      ],
    },
    findings: [],
  },
  {
    what: "servers that disagree",
    sight: {
      servers: [
        { name: "ns1", says: says("203.0.113.7") },
        { name: "ns2", says: { kind: "nothing" } },
      ],
    },
    findings: ["problem name.servers-disagree"],
  },
  {
    what: "a silent server",
    sight: {
      servers: [
        { name: "ns1", says: says("203.0.113.7") },
        { name: "ns2", says: { kind: "silent", code: "ETIMEOUT" } },
      ],
    },
    findings: ["advice name.server-silent"],
  },
  { what: "slow servers", sight: { tookMs: 2_001 }, findings: ["advice name.slow"] },
];

for (const { what, sight, question, findings } of rows) {
  test(`DNS with ${what} gives ${findings.join(", ") || "nothing to do"}`, () => {
    const seen = findingsOfName({ ...WELL, ...sight }, { ...QUESTION, ...question });
    assert.deepEqual(grave(seen), findings);
  });
}

test("a name that a wildcard record or an alias leads somewhere is told so", () => {
  const sight = { ...WELL, alias: "other.example", isByWildcard: true };
  const [finding] = findingsOfName(sight, QUESTION);
  assert.match(finding?.saw ?? "", /alias of other\.example, by a wildcard record/);
});

test("what a name server says cannot break a line", () => {
  const sight = { ...WELL, alias: "a\n\u001b[2Jb.example" };
  const [finding] = findingsOfName(sight, QUESTION);
  assert.doesNotMatch(finding?.saw ?? "", /\p{Cc}/u);
});
