import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { formatFault } from "../../src/config/faults.ts";
import { loadConfig } from "../../src/config/load.ts";
import { makeCertificate } from "../support/certificates.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

/** Three times what the contract promises for a machine that does nothing else. */
const TEN_THOUSAND_HOSTS_MAX_MS = 3_000;

/** A folder of its own with a `config` folder in it, which ends with the test. */
function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-config-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "config"));
  return folder;
}

async function linesOf(path: string): Promise<readonly string[]> {
  const loaded = await loadConfig(path);
  return loaded.ok ? [] : loaded.faults.map(formatFault);
}

test("the smallest useful file works as it stands", async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, "config/latchkey.yaml");
  writeFileSync(
    file,
    `hosts:
  store.shop.example: 3001
  api.shop.example: http://10.0.0.5:3002
  www.shop.example: { redirect: store.shop.example }
`,
  );
  const loaded = await loadConfig(file);
  assert.ok(loaded.ok);
  const { hosts, workers, sources, ...settings } = loaded.config;
  assert.ok(workers >= 1);
  assert.deepEqual(
    sources.map((source) => source.file),
    [file],
  );
  assert.deepEqual(settings, {
    file,
    include: [],
    watch: false,
    email: undefined,
    storage: join(folder, "storage"),
    listen: {
      https: [{ kind: "tcp", host: undefined, port: 443 }],
      http: [{ kind: "tcp", host: undefined, port: 80 }],
      publicHttpsPort: undefined,
      proxyProtocol: [],
      admin: join(folder, "storage/admin.sock"),
      dashboard: undefined,
    },
    trustedProxies: [],
    acme: {
      issuers: [
        {
          kind: "acme",
          directory: "https://acme-v02.api.letsencrypt.org/directory",
          trust: undefined,
          eab: undefined,
          profile: undefined,
          preferredChain: undefined,
        },
      ],
      issuersWritten: false,
      issue: "at-start",
      challenges: ["http-01", "tls-alpn-01"],
      keyType: "ecdsa-p256",
      resolvers: [],
      dns: [],
    },
    authority: { lifetimeMs: 604_800_000, permit: [] },
    renewal: { checkEveryMs: 600_000, at: "auto" },
    alerts: { webhook: undefined, exec: undefined, expiresWithin: 0.25 },
    log: { level: "info", format: "auto", access: "off", query: false },
    limits: {},
  });
  assert.deepEqual(
    hosts.map(({ action }) => action.kind),
    ["forward", "forward", "redirect"],
  );
});

test("every fault is told at once, in the order of the file, one line each", () => {
  const text = `emial: ops@shop.example
log: { level: loud }
hosts:
  store.shop.example: { to: 3001, timeouts: { connect: 5 } }
  "*.shop.example": 3002
  Store.shop.example: https://
`;
  assert.deepEqual(faultsOf(text, "latchkey.yaml").map(formatFault), [
    'latchkey.yaml:1:1: emial: is not a known key, nearest is "email"',
    "latchkey.yaml:2:15: log.level: is not known, wanted one of debug, info, warn, error",
    'latchkey.yaml:4:56: hosts["store.shop.example"].timeouts.connect: is a number, wanted a duration such as 60s',
    'latchkey.yaml:5:3: hosts["*.shop.example"]: "*.shop.example" gets its certificates on demand, wanted a policy: add `onDemand: { allow: [a.shop.example] }` to the file or the host, `dns` for one certificate of all its names, or `certificate`',
    'latchkey.yaml:6:3: hosts["Store.shop.example"]: "store.shop.example" stands on line 4 already, wanted each host once',
    'latchkey.yaml:6:23: hosts["Store.shop.example"]: has no valid host, wanted a port such as 3001, host:port, http://, https://, h2c://, tcp:// or unix:/path',
  ]);
});

test("no fault repeats what could be a secret", () => {
  const secret = "hunter2secret";
  const text = `email: ${secret}
storage: [${secret}]
acme: { issuers: [{ directory: "https://u:${secret}@ca.example/" }], dns: { token: ${secret} }, keyType: ${secret} }
alerts: { webhook: ${secret} }
onDemand: { ask: "http://u:${secret}@a.example/" }
log: { level: ${secret}, access: ${secret} }
hosts:
  a.example: http://u:${secret}@b.example
  b.example: { to: 1, auth: { basic: { ops: ${secret} } }, redirect: "https://u:${secret}@c.example" }
  c.example: { respond: { headers: { X-Key: "${secret}\\n" } } }
  d.example: { redirect: "https://d.example/\\u0001${secret}" }
`;
  const lines = faultsOf(text).map(formatFault);
  assert.ok(lines.length >= 12);
  assert.deepEqual(
    lines.filter((line) => line.includes(secret)),
    [],
  );
  const broken = faultsOf(`email: "${secret}\nx: !${secret} [\n`).map(formatFault);
  assert.ok(broken.length > 0 && !broken.join().includes(secret));
});

test("files that the configuration names are read from beside it", (t) => {
  const folder = makeFolder(t);
  const { chain, key } = makeCertificate({ names: ["a.example"] });
  writeFileSync(join(folder, "config/own.pem"), chain);
  writeFileSync(join(folder, "config/own.key"), key);
  const text = `storage: state
acme: { issuers: [{ directory: "https://ca.example/dir", trust: own.pem, profile: short }] }
log: { access: access.log }
hosts:
  a.example: { to: 3001, certificate: { chain: own.pem, key: ${folder}/config/own.key } }
  b.example: { to: https://b, backend: { ca: ../config/own.pem } }
`;
  const { acme, hosts, log, storage } = configOf(text, join(folder, "config/latchkey.yaml"));
  assert.equal(storage, join(folder, "config/state"));
  assert.deepEqual(log.access, { path: join(folder, "config/access.log") });
  const [issuer] = acme.issuers;
  assert.match(issuer?.kind === "acme" ? (issuer.trust ?? "") : "", /^-----BEGIN CERTIFICATE-----/);
  assert.deepEqual(hosts[0]?.certificate, {
    kind: "manual",
    chain: join(folder, "config/own.pem"),
    key: join(folder, "config/own.key"),
  });
  const action = hosts[1]?.action;
  const [path] = action?.kind === "forward" ? action.paths : [];
  const backend = path?.answer === undefined ? path?.backends[0] : undefined;
  assert.match(backend?.kind === "https" ? (backend.ca ?? "") : "", /BEGIN CERTIFICATE/);
});

test("a file of roots that holds none, a broken one, a folder or too much is refused", (t) => {
  const folder = makeFolder(t);
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  writeFileSync(join(folder, "none.pem"), "hello");
  writeFileSync(join(folder, "broken.pem"), broken);
  writeFileSync(
    join(folder, "cut.pem"),
    makeCertificate({ names: ["a"] }).chain + broken.slice(0, 30),
  );
  writeFileSync(join(folder, "huge.pem"), "");
  truncateSync(join(folder, "huge.pem"), 2_000_000);
  const says: readonly (readonly [string, RegExp])[] = [
    ["none.pem", /holds no certificate/],
    ["broken.pem", /cannot be decoded/],
    ["cut.pem", /cannot be decoded/],
    ["huge.pem", /larger than 1 MiB/],
    ["config", /is not a file/],
    ["none.pem/x", /does not exist/],
  ];
  for (const [name, message] of says) {
    const text = `acme: { issuers: [{ directory: "https://ca.example/", trust: ${name} }] }\nhosts: { a.example: 1 }\n`;
    const [fault, ...others] = faultsOf(text, join(folder, "latchkey.yaml"));
    assert.equal(fault?.path, "acme.issuers[0].trust");
    assert.match(fault?.message ?? "", message);
    assert.deepEqual(others, []);
  }
});

test("a file that cannot be read as text is one fault", async (t) => {
  const folder = makeFolder(t);
  const file = join(folder, "latchkey.yaml");
  assert.match(
    (await linesOf(file)).join(),
    /^.*latchkey\.yaml:1:1: file: cannot be read \(ENOENT\)/,
  );
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  for (const path of [folder, pipe, "/dev/zero"])
    assert.match((await linesOf(path)).join(), /:1:1: file: is not a file/);
  writeFileSync(file, Buffer.from([0x68, 0xff, 0xfe]));
  assert.match((await linesOf(file)).join(), /:1:1: file: is not UTF-8/);
  truncateSync(file, 10_485_761);
  assert.match((await linesOf(file)).join(), /:1:1: file: is larger than 10 MiB/);
});

test("a certificate file that this user may not read is a fault", (t) => {
  const folder = makeFolder(t);
  chmodSync(folder, 0o755);
  writeFileSync(join(folder, "own.pem"), "");
  chmodSync(join(folder, "own.pem"), 0o000);
  const text = "hosts: { a.example: { to: 1, certificate: { chain: own.pem, key: own.pem } } }";
  const faults = asNobody(() => faultsOf(text, join(folder, "latchkey.yaml")));
  assert.equal(faults.length, 2);
  for (const { message } of faults) assert.match(message, /may not be read by this user/);
});

/** Runs `work` as a user without rights; root may read everything. */
function asNobody<T>(work: () => T): T {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Milliseconds of processor time, which other programs on the machine do not lengthen as they do the clock's. */
function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

test("10,000 hosts are read in good time, short or with faults", () => {
  const lines = Array.from({ length: 10_000 }, (_, index) => `  h${index}.shop.example: 3001\n`);
  const text = `hosts:\n${lines.join("")}`;
  const withFaults = `hosts:\n${lines.join("").replaceAll("3001", "0")}`;
  const shortMs = cpuMsOf(() => assert.equal(configOf(text).hosts.length, 10_000));
  const faultsMs = cpuMsOf(() => assert.equal(faultsOf(withFaults).length, 10_000));
  assert.ok(shortMs < TEN_THOUSAND_HOSTS_MAX_MS, `short took ${shortMs} ms`);
  assert.ok(faultsMs < TEN_THOUSAND_HOSTS_MAX_MS, `with faults took ${faultsMs} ms`);
});

test("10,000 times the same key takes no longer than 10,000 hosts", () => {
  const text = `hosts:\n${"  a.example: 3001\n".repeat(10_000)}`;
  const sameMs = cpuMsOf(() => assert.equal(faultsOf(text).length, 9_999));
  assert.ok(sameMs < TEN_THOUSAND_HOSTS_MAX_MS, `took ${sameMs} ms`);
});
