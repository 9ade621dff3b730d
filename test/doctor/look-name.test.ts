import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "dns-packet";
import { lookAtCaa, lookAtName } from "../../src/doctor/look-name.ts";
import { findingsOfName } from "../../src/doctor/name-findings.ts";
import { grave } from "../support/findings.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

const never = new AbortController().signal;
const QUESTION = { isForPublicCa: false, hasDns: false, slowMs: 60_000 };

const records = (
  type: "A" | "AAAA" | "CNAME" | "NS",
  name: string,
  ...data: readonly string[]
): Said => ({
  answers: data.map((each) => ({ type, name, ttl: 1, data: each }) as Answer),
});
const SOA: Said = {
  answers: [
    {
      type: "SOA",
      name: "shop.example",
      ttl: 1,
      data: {
        mname: "ns1.shop.example",
        rname: "x.shop.example",
        serial: 1,
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: 1,
      },
    },
  ],
};

/** A recursive server that knows two authoritative ones, at 127.0.0.2 and 127.0.0.3. */
function recursive(type: string, name: string): Said | undefined {
  switch (`${type} ${name}`) {
    case "A www.shop.example":
      return records("A", name, "203.0.113.7");
    case "CNAME www.shop.example":
      return { answers: [] };
    case "SOA shop.example":
      return SOA;
    case "NS shop.example":
      return records("NS", name, "ns1.shop.example", "ns2.shop.example");
    case "A ns1.shop.example":
      return records("A", name, "127.0.0.2");
    case "A ns2.shop.example":
      return records("A", name, "127.0.0.3");
    default:
      return name.startsWith("latchkey-") ? { rcode: "NXDOMAIN" } : { answers: [] };
  }
}

function looking(servers: readonly string[], authoritativePort: number, timeoutMs = 5_000) {
  return { resolvers: { servers, timeoutMs: 2_000, tries: 1 }, authoritativePort, timeoutMs };
}

test("every authoritative server is asked alone, so that it is seen when they disagree", async () => {
  const says = (address: string) => (type: string, name: string) =>
    type === "A" && name === "www.shop.example" ? records("A", name, address) : { answers: [] };
  await using one = await startNameServer(says("203.0.113.7"), { host: "127.0.0.2", port: 0 });
  const port = Number(one.address.split(":").at(-1));
  await using two = await startNameServer(says("203.0.113.8"), { host: "127.0.0.3", port });
  await using resolver = await startNameServer(recursive);
  const sight = await lookAtName("www.shop.example", looking([resolver.address], port), never);
  assert.deepEqual(
    sight.servers.map(({ name, says: said }) => [name, said]),
    [
      ["ns1.shop.example", { kind: "addresses", addresses: ["203.0.113.7"] }],
      ["ns2.shop.example", { kind: "addresses", addresses: ["203.0.113.8"] }],
    ],
  );
  assert.deepEqual(grave(findingsOfName(sight, QUESTION)), ["problem name.servers-disagree"]);
  assert.ok(two.questions.includes("A www.shop.example"));
});

test("a name that only a wildcard record answers for is known as such, and so is an alias", async () => {
  await using resolver = await startNameServer((type, name) => {
    if (type === "CNAME" && name === "any.shop.example")
      return records("CNAME", name, "shared.example");
    return type === "A" && name.endsWith(".shop.example")
      ? records("A", name, "203.0.113.9")
      : { answers: [] };
  });
  const sight = await lookAtName("any.shop.example", looking([resolver.address], 9), never);
  assert.deepEqual([sight.isByWildcard, sight.alias], [true, "shared.example"]);
});

test("a name of its own beside others is by no wildcard record", async () => {
  await using resolver = await startNameServer(recursive);
  const sight = await lookAtName("www.shop.example", looking([resolver.address], 9), never);
  assert.equal(sight.isByWildcard, false);
});

test("name servers that say nothing are waited for only so long, and a signal ends it at once", async () => {
  await using resolver = await startNameServer(() => undefined);
  const look = looking([resolver.address], 9, 50);
  const sight = await lookAtName("www.shop.example", look, never);
  assert.deepEqual(grave(findingsOfName(sight, QUESTION)), ["problem name.no-answer"]);
  const caa = await lookAtCaa("www.shop.example", look, never);
  assert.deepEqual(caa, { kind: "failed", at: "www.shop.example", code: "ETIMEOUT" });
  const ended = AbortSignal.abort(new Error("enough"));
  await assert.rejects(lookAtName("www.shop.example", look, ended), /enough/);
  await assert.rejects(lookAtCaa("www.shop.example", look, ended), /enough/);
});
