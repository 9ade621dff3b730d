import assert from "node:assert/strict";
import { test } from "node:test";
import { describeRoutes } from "../../src/config/describe.ts";
import type { DnsEntry } from "../../src/config/dns-entry.ts";
import { formatFault } from "../../src/config/faults.ts";
import { ownNameOf } from "../../src/config/route.ts";
import { withoutSecrets } from "../../src/config/secret.ts";
import { configOf, FILE, faultsOf } from "../support/config-text.ts";

const environment = { TOKEN: "the-secret", KEY: "dGhlLXNlY3JldA==" };
const HOST = "hosts: { a.example: 3001 }";
const nothing = { zones: [], authoritative: [] };

/** What is written, and what it means. */
const forms: readonly (readonly [string, readonly DnsEntry[]])[] = [
  [
    "{ provider: cloudflare, token: env:TOKEN }",
    [
      {
        ...nothing,
        provider: {
          kind: "cloudflare",
          token: "the-secret",
          endpoint: "https://api.cloudflare.com/client/v4",
        },
      },
    ],
  ],
  [
    "[{ provider: rfc2136, server: 10.0.0.53, keyName: Key., secret: env:KEY, zones: [B.example], authoritative: ['::1'] }]",
    [
      {
        zones: ["b.example"],
        authoritative: ["[::1]:53"],
        provider: {
          kind: "rfc2136",
          server: "10.0.0.53:53",
          keyName: "key",
          algorithm: "hmac-sha256",
          secret: environment.KEY,
        },
      },
    ],
  ],
  [
    "{ provider: acme-dns, server: 'http://10.0.0.9', accounts: { a.example: { username: u, password: env:TOKEN, subdomain: s } } }",
    [
      {
        ...nothing,
        provider: {
          kind: "acme-dns",
          server: "http://10.0.0.9/",
          accounts: { "a.example": { username: "u", password: "the-secret", subdomain: "s" } },
        },
      },
    ],
  ],
  [
    "{ provider: exec, command: [bin/dns, -v, -v], environment: { T: env:TOKEN }, timeout: 5s }",
    [
      {
        ...nothing,
        provider: {
          kind: "exec",
          command: ["/srv/edge/config/bin/dns", "-v", "-v"],
          environment: { T: "the-secret" },
          timeoutMs: 5_000,
        },
      },
    ],
  ],
  [
    "{ provider: exec, command: dns }",
    [
      {
        ...nothing,
        provider: { kind: "exec", command: ["dns"], environment: {}, timeoutMs: 60_000 },
      },
    ],
  ],
];

for (const [text, entries] of forms) {
  test(`dns: ${text} is understood, for all hosts or for one`, () => {
    assert.deepEqual(
      configOf(`acme: { dns: ${text} }\n${HOST}`, FILE, environment).acme.dns,
      entries,
    );
    const own = configOf(`hosts: { a.example: { to: 1, dns: ${text} } }`, FILE, environment);
    const [host] = own.hosts;
    assert.deepEqual(host?.certificate.kind === "acme" && host.certificate.dns, entries);
    assert.deepEqual(own.acme.dns, []);
  });
}

test("what is secret in dns is in no worker's configuration, and in no routing table", () => {
  const text = `acme: { dns: { provider: cloudflare, token: env:TOKEN } }
hosts: { a.example: { to: 1, dns: { provider: exec, command: x, environment: { T: env:TOKEN } } } }`;
  const config = configOf(text, FILE, environment);
  assert.ok(JSON.stringify(config).includes("the-secret"));
  assert.ok(!JSON.stringify(withoutSecrets(config)).includes("the-secret"));
  assert.ok(!describeRoutes(config).includes("the-secret"));
});

const dns = "dns: { provider: exec, command: dns }";

/** A configuration with a host `*.a.example`, and the one name that its certificate is made out to. */
const wildcards = [
  ["with dns for all", `acme: { ${dns} }\nhosts: { "*.a.example": 1 }`, "*.a.example"],
  ["with dns of its own", `hosts: { "*.a.example": { to: 1, ${dns} } }`, "*.a.example"],
  [
    "with dns, beside a policy for other hosts",
    `acme: { ${dns} }\nonDemand: { ask: "http://a/" }\nhosts: { "*.a.example": 1, "*": 2 }`,
    "*.a.example",
  ],
  [
    "with dns and a policy of its own",
    `acme: { ${dns} }\nhosts: { "*.a.example": { to: 1, onDemand: { ask: "http://a/" } } }`,
    undefined,
  ],
  [
    "by our own authority, which looks at listeners",
    `acme: { ${dns} }\nauthority: { permit: [a.example] }\nonDemand: { ask: "http://a/" }\nhosts: { "*.a.example": { to: 1, issuer: internal } }`,
    undefined,
  ],
] as const;

for (const [what, text, name] of wildcards) {
  test(`a wildcard host ${what} has ${name === undefined ? "certificates on demand" : "one certificate"}`, () => {
    const [host] = configOf(text).hosts;
    assert.ok(host);
    assert.equal(ownNameOf(host), name);
  });
}

const faulty: readonly (readonly [string, readonly (readonly [string, RegExp])[]])[] = [
  [
    `acme: { dns: { provider: cloudflare } }\n${HOST}`,
    [["acme.dns", /^lacks what cloudflare needs, wanted `token` too$/]],
  ],
  [
    `acme: { dns: [{ provider: rfc2136, keyName: k }] }\n${HOST}`,
    [["acme.dns[0]", /wanted `server`, `secret` too$/]],
  ],
  [
    `acme: { dns: { provider: exec, command: x, token: y } }\n${HOST}`,
    [["acme.dns.token", /^does not go with exec, remove it$/]],
  ],
  [
    `acme: { dns: [{ provider: exec, command: x }, { provider: exec, command: y }] }\n${HOST}`,
    [["acme.dns[1]", /^is for every other zone, as an earlier entry is/]],
  ],
  [
    `acme: { dns: [{ provider: exec, command: x, zones: [b.example] }, { provider: exec, command: y, zones: [B.example] }] }\n${HOST}`,
    [["acme.dns[1]", /^is for b.example, as an earlier entry is/]],
  ],
  [
    `acme: { dns: { provider: cloudflare, token: env:ABSENT } }\n${HOST}`,
    [["acme.dns.token", /^is not set, wanted ABSENT in the environment$/]],
  ],
  [
    `acme: { challenges: [dns-01] }\nhosts: { a.example: 1, b.example: { to: 1, ${dns} }, c.localhost: 1 }`,
    [['hosts["a.example"]', /^can be proven by nothing but dns-01, wanted `dns`/]],
  ],
  [
    `hosts: { "*.a.example": 1 }`,
    [['hosts["*.a.example"]', /`dns` for one certificate of all its names, or `certificate`$/]],
  ],
  [
    `hosts: { "*.a.localhost": { to: 1, ${dns} } }`,
    [['hosts["*.a.localhost"]', /to the file or the host, or `certificate`$/]],
  ],
  [
    `hosts: { a.example: { passThrough: "127.0.0.1:1", ${dns} } }`,
    [['hosts["a.example"].dns', /^does not go with `passThrough`/]],
  ],
];

for (const [text, faults] of faulty) {
  test(`${text.replaceAll("\n", " ")} is a fault`, () => {
    const found = faultsOf(text, FILE, environment);
    assert.deepEqual(
      found.map(({ path }) => path),
      faults.map(([path]) => path),
    );
    for (const [index, [, says]] of faults.entries()) {
      const fault = found[index];
      assert.match(fault?.message ?? "", says);
      assert.ok(fault && !formatFault(fault).includes("the-secret"));
    }
  });
}
