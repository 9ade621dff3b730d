import assert from "node:assert/strict";
import { test } from "node:test";
import { addressesIn } from "../../src/base/address-range.ts";
import { formatFault } from "../../src/config/faults.ts";
import { expectedHttpsPort } from "../../src/config/settings.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

const HOST = "hosts: { a.example: 3001 }\n";

/** Where a file stands, what it says of its storage, and where that is. */
const storages: readonly (readonly [string, string, string])[] = [
  ["/srv/edge/config/latchkey.yaml", "", "/srv/edge/storage"],
  ["/srv/edge/latchkey.yaml", "", "/srv/edge/storage"],
  ["/etc/latchkey/latchkey.yaml", "", "/var/lib/latchkey"],
  ["/srv/edge/config/latchkey.yaml", "storage: data\n", "/srv/edge/config/data"],
  ["/srv/edge/config/latchkey.yaml", "storage: /data\n", "/data"],
];

for (const [file, text, expected] of storages) {
  test(`the storage of ${file} ${text === "" ? "by default" : `with "${text.trim()}"`} is ${expected}`, () => {
    const { storage, listen } = configOf(text + HOST, file);
    assert.equal(storage, expected);
    assert.equal(listen.admin, `${expected}/admin.sock`);
  });
}

test("every setting that is written replaces its default", () => {
  const text = `email: ops@shop.example
storage: /data
workers: 3
watch: on
listen: { https: ["fd:3", "127.0.0.1:8443"], http: [], publicHttpsPort: 9443, proxyProtocol: [192.0.2.0/24], admin: unix:/run/admin.sock, dashboard: 127.0.0.1:9180 }
trustedProxies: [10.0.0.0/8, "::1"]
acme: { issuers: [letsencrypt-staging, internal], issue: first-visit, challenges: [tls-alpn-01], keyType: rsa-4096, resolvers: [9.9.9.9, "127.0.0.1:5353", "::1", "[::1]:5353"] }
authority: { lifetime: 1m, permit: [Example] }
renewal: { checkEvery: 1s, at: 25% }
alerts: { webhook: https://chat.example/hook, exec: [page, me], expiresWithin: 10% }
log: { level: debug, format: json, access: on, query: on }
limits: { helloTimeoutMs: 2s, headMaxBytes: 8KiB, connectionsMax: 500, orderPaceMs: 0 }
${HOST}`;
  const { hosts: _hosts, file: _file, sources: _sources, ...settings } = configOf(text);
  const directory = "https://acme-staging-v02.api.letsencrypt.org/directory";
  assert.deepEqual(settings, {
    include: [],
    watch: true,
    email: "ops@shop.example",
    storage: "/data",
    workers: 3,
    listen: {
      https: [
        { kind: "fd", fd: 3 },
        { kind: "tcp", host: "127.0.0.1", port: 8_443 },
      ],
      http: [],
      publicHttpsPort: 9_443,
      proxyProtocol: ["192.0.2.0/24"],
      admin: "/run/admin.sock",
      dashboard: { address: { kind: "tcp", host: "127.0.0.1", port: 9_180 }, token: undefined },
    },
    trustedProxies: ["10.0.0.0/8", "::1/128"],
    acme: {
      issuers: [
        {
          kind: "acme",
          directory,
          trust: undefined,
          eab: undefined,
          profile: undefined,
          preferredChain: undefined,
        },
        { kind: "internal" },
      ],
      issuersWritten: true,
      issue: "first-visit",
      challenges: ["tls-alpn-01"],
      keyType: "rsa-4096",
      resolvers: ["9.9.9.9:53", "127.0.0.1:5353", "[::1]:53", "[::1]:5353"],
      dns: [],
    },
    authority: { lifetimeMs: 60_000, permit: ["example"] },
    renewal: { checkEveryMs: 1_000, at: 0.25 },
    alerts: { webhook: "https://chat.example/hook", exec: ["page", "me"], expiresWithin: 0.1 },
    log: { level: "debug", format: "json", access: "on", query: true },
    limits: {
      helloTimeoutMs: 2_000,
      headMaxBytes: 8_192,
      connectionsMax: 500,
      orderPaceMs: 0,
    },
  });
});

test("workers: auto means one for each core", () => {
  assert.equal(configOf(`workers: auto\n${HOST}`).workers, 4);
});

test("on, off, true and false mean the same", () => {
  const access = (word: string) => configOf(`log: { access: ${word} }\n${HOST}`).log.access;
  assert.deepEqual(["on", "true", "off", "false", '"on"'].map(access), [
    "on",
    "on",
    "off",
    "off",
    "on",
  ]);
});

/** What is written of the listeners, and the port that clients see. */
const ports: readonly (readonly [string, number | undefined])[] = [
  ["{}", 443],
  ["{ https: [':8443', ':9443'] }", 8_443],
  ["{ https: ['fd:3', ':9443'] }", undefined],
  ["{ https: ['127.0.0.1:0'] }", undefined],
  ["{ https: ['fd:3'], publicHttpsPort: 8443 }", 8_443],
  ["{ https: [':8443'], publicHttpsPort: 443 }", 443],
];

for (const [listen, expected] of ports) {
  test(`clients of listen: ${listen} see ${expected ? `port ${expected}` : "a port that is not known yet"}`, () => {
    assert.equal(expectedHttpsPort(configOf(`listen: ${listen}\n${HOST}`).listen), expected);
  });
}

/** What is written of the listeners, and where the clash is told, if there is one. */
const clashes: readonly (readonly [string, string | undefined])[] = [
  ["{ https: [':443', '127.0.0.1:443'] }", "listen.https[1]"],
  ["{ https: ['127.0.0.1:443', '127.0.0.2:443'] }", undefined],
  ["{ https: [':443'], http: [':443'] }", "listen.http[0]"],
  ["{ https: ['fd:3'], http: ['fd:3'] }", "listen.http[0]"],
  ["{ https: ['fd:3'], http: ['fd:4'] }", undefined],
  ["{ https: [':0'], http: [':0'] }", undefined],
  ["{ https: [':80'] }", "listen.http[0]"],
  ["{ https: [':443', ':443'] }", "listen.https[1]"],
  ["{ https: [] }", "listen.https"],
  ["{ dashboard: '127.0.0.1:443' }", "listen.dashboard"],
  ["{ https: ['127.0.0.2:443'], dashboard: '127.0.0.1:443' }", undefined],
  ["{ dashboard: { listen: '127.0.0.1:80' } }", "listen.dashboard.listen"],
  ["{ https: [':0'], dashboard: '127.0.0.1:0' }", undefined],
];

for (const [listen, path] of clashes) {
  test(`listen: ${listen} ${path === undefined ? "is fine" : `is a fault at ${path}`}`, () => {
    const paths = faultsOf(`listen: ${listen}\n${HOST}`).map((fault) => fault.path);
    assert.deepEqual(paths, path === undefined ? [] : [path]);
  });
}

test("a path that is too long for the admin socket is told where it comes from", () => {
  const long = `/${"x".repeat(107)}`;
  const paths = [
    `storage: ${long}\n${HOST}`,
    `listen: { admin: "unix:${long}" }\n${HOST}`,
    `storage: ${long}\nlisten: { admin: unix:/run/a.sock }\n${HOST}`,
  ].map((text) => faultsOf(text).map(({ path }) => path));
  assert.deepEqual(paths, [["storage"], ["listen.admin"], []]);
});

const trusted: readonly [written: string, holds: readonly string[], holdsNot: readonly string[]][] =
  [
    ["cloudflare", ["104.16.0.1", "2606:4700::1"], ["10.0.0.1", "151.101.1.69"]],
    ["[cloudflare]", ["172.64.0.1"], ["10.0.0.1"]],
    ["[cloudflare, 10.0.0.0/8]", ["172.64.0.1", "10.0.0.1"], ["11.0.0.1"]],
  ];

for (const [written, holds, holdsNot] of trusted) {
  test(`trustedProxies: ${written} are the ranges of Cloudflare, and what is beside them`, () => {
    const isTrusted = addressesIn(configOf(`trustedProxies: ${written}\n${HOST}`).trustedProxies);
    for (const address of holds) assert.ok(isTrusted(address), address);
    for (const address of holdsNot) assert.ok(!isTrusted(address), address);
  });
}

test("another word than cloudflare is no range", () => {
  const [fault] = faultsOf(`trustedProxies: fastly\n${HOST}`);
  assert.equal(fault?.message, "is text, wanted cloudflare, or a list such as [10.0.0.0/8]");
});

test("the same issuer, challenge or range twice is a fault", () => {
  const text = `acme: { issuers: [internal, internal], challenges: [http-01, http-01] }
trustedProxies: [10.0.0.1, 10.0.0.1/32]
hosts: { a.localhost: 1 }
`;
  const paths = faultsOf(text).map(({ path }) => path);
  assert.deepEqual(paths, ["acme.issuers[1]", "acme.challenges[1]", "trustedProxies[1]"]);
});

test("a fault in one setting hides none beside it", () => {
  const text = `alerts: { webhook: "ftp://x/", exec: page }
acme: { issuers: [zerossl], dns: { provider: cloudflare, token: env:NOTSET } }
authority: { lifetime: 7x, permit: ["a b"] }
hosts: { a.example: 3001 }
`;
  const paths = faultsOf(text).map(({ path }) => path);
  assert.deepEqual(paths, [
    ...["alerts.webhook", "alerts.exec", "acme.issuers[0]", "acme.dns.token"],
    ...["authority.lifetime", "authority.permit[0]"],
  ]);
});

test("queries are told in the access log alone: without one there is nothing to tell them in", () => {
  const faults = (log: string) => faultsOf(`log: ${log}\n${HOST}`).map(formatFault);
  for (const log of ["{ access: on, query: on }", "{ query: off }", "{ access: off, query: off }"])
    assert.deepEqual(faults(log), [], log);
  for (const log of ["{ query: on }", "{ access: off, query: on }"])
    assert.match(`${faults(log)}`, /: log\.query: needs `access` beside it$/, log);
});

test("the access log is no file that means something else", () => {
  const file = "/srv/edge/latchkey.yaml";
  const faults = (access: string) =>
    faultsOf(
      `storage: state\nlog: { access: ${access} }\nhosts: { a.example: { to: 3001, certificate: { chain: own.pem, key: own.key } } }\n`,
      file,
    )
      .filter(({ path }) => path === "log.access")
      .map(({ message }) => message);
  const wanted = "wanted a file that is for nothing else";
  for (const [access, what] of [
    ["./latchkey.yaml", "the configuration file"],
    ["state/lock", "in the storage"],
    ["./state/../state/authority/root.key", "in the storage"],
    ["./own.key", "a file that the configuration names for something else"],
    ["./own.pem", "a file that the configuration names for something else"],
  ] as const)
    assert.deepEqual(faults(access), [`is ${what}, ${wanted}`], access);
  assert.deepEqual(faults("./state.log"), []);
});

test("a path that a shell would have had to read makes no folder called ~", () => {
  for (const line of ["storage: ~/state", "log: { access: ~/access.log }"])
    assert.deepEqual(
      faultsOf(`${line}\n${HOST}`).map(({ message }) => message),
      ["begins with ~, which only shells know, wanted the path"],
      line,
    );
});
