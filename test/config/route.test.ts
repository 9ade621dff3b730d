import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseCertificateName } from "../../src/base/certificate-name.ts";
import type { Hostname } from "../../src/base/hostname.ts";
import type { Host } from "../../src/config/config.ts";
import { buildRoutes, certificateNameOf } from "../../src/config/route.ts";
import { hostname, makeHost } from "../support/tls-door.ts";

const cases: readonly [entries: string[], host: string, found: string | undefined][] = [
  [["a.example"], "a.example", "a.example"],
  [["a.example"], "b.example", undefined],
  [["a.example"], "x.a.example", undefined],
  [["*.example"], "a.example", "*.example"],
  [["*.example"], "example", undefined],
  [["*.example"], "a.b.example", undefined],
  [["*.example", "a.example"], "a.example", "a.example"],
  [["*.example", "a.example"], "b.example", "*.example"],
  [["*.b.example", "*.example"], "a.b.example", "*.b.example"],
  [["*"], "anything.example", "*"],
  [["*"], "localhost", "*"],
  [["*", "*.example"], "a.example", "*.example"],
  [["*", "*.example", "a.example"], "a.example", "a.example"],
  [["*", "a.example"], "b.example", "*"],
  [["constructor"], "constructor", "constructor"],
  [[], "constructor", undefined],
];

for (const [entries, host, found] of cases) {
  test(`with ${entries.join(", ") || "no host"}, ${host} goes to ${found ?? "nobody"}`, () => {
    const hosts = entries.map((text) => makeHost(text));
    const expected = found === undefined ? undefined : hosts[entries.indexOf(found)];
    assert.equal(buildRoutes(hosts).find(hostname(host)), expected);
  });
}

test("T8: routes find the very object of the configuration, by any of its names", () => {
  const host = makeHost("*.example");
  const { find } = buildRoutes([host]);
  assert.equal(find(hostname("a.example")), host);
  assert.equal(find(hostname("a.example")), find(hostname("b.example")));
});

/** The rule in ten lines: the longest look at every entry. */
function reference(hosts: readonly Host[], host: Hostname): Host | undefined {
  const rank = ({ pattern }: Host): number => {
    if (pattern.kind === "exact") return pattern.host === host ? 3 : 0;
    if (pattern.kind === "catch-all") return 1;
    const first = host.split(".")[0];
    return `${first}.${pattern.parent}` === host ? 2 : 0;
  };
  const best = Math.max(0, ...hosts.map(rank));
  return best === 0 ? undefined : hosts.find((each) => rank(each) === best);
}

test("T9: routes agree with the rule written out, for any table and name", () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "example"), { minLength: 1, maxLength: 4 })
    .map((labels) => labels.join("."));
  const entry = fc.oneof(
    name,
    name.map((text) => `*.${text}`),
    fc.constant("*"),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 8 }), name, (entries, host) => {
      const hosts = entries.map((text) => makeHost(text));
      assert.equal(buildRoutes(hosts).find(hostname(host)), reference(hosts, hostname(host)));
    }),
    { numRuns: 2_000 },
  );
});

test("T30: routes answer 100,000 names that look like integers", () => {
  const { find } = buildRoutes([makeHost("a.example"), makeHost("*.b.example")]);
  let found = 0;
  for (let each = 0; each < 100_000; each += 1) {
    if (find(`${each}.b.example` as Hostname) !== undefined) found += 1;
    if (find(`${each}` as Hostname) !== undefined) found += 1;
  }
  assert.equal(found, 100_000);
});

test("the certificate of a wildcard without a policy for its names is made out to the wildcard", () => {
  const shared = makeHost("*.b.example", undefined, {
    kind: "acme",
    issuers: [],
    onDemand: undefined,
  });
  const perName = makeHost("*.c.example");
  const exact = makeHost("x.b.example");
  const routes = buildRoutes([shared, perName, exact, makeHost("*")]);
  const names = ["a.b.example", "x.b.example", "a.c.example", "a.d.example"].map((text) => {
    const route = routes.find(hostname(text));
    assert.ok(route);
    return certificateNameOf(route, hostname(text));
  });
  assert.deepEqual(names, ["*.b.example", "x.b.example", "a.c.example", "a.d.example"]);

  const entryOf = (text: string) => {
    const name = parseCertificateName(text);
    assert.ok(name);
    return routes.findCertified(name);
  };
  assert.equal(entryOf("*.b.example"), shared);
  assert.equal(entryOf("x.b.example"), exact);
  assert.equal(entryOf("a.b.example"), undefined, "it has no certificate of its own");
  assert.equal(entryOf("*.c.example"), undefined, "its names have one each");
  assert.equal(entryOf("a.c.example"), perName);
  assert.equal(entryOf("*.d.example"), undefined, "the catch-all has no wildcard certificate");
});
