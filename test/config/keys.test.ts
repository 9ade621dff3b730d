import assert from "node:assert/strict";
import { test } from "node:test";
import { fileJsonSchema } from "../../src/config/file-schema.ts";
import { faultsOf } from "../support/config-text.ts";

/**
 * A supported key, and what is told about a value of the wrong type and about a wrong value. In
 * `key`, `*` stands for a host or path, `[]` for an entry of a list; `at` is where in the value the
 * second fault is.
 */
interface Row {
  readonly key: string;
  readonly type: string;
  readonly value: string;
  readonly says: RegExp;
  readonly at?: string;
}

/** The keys of a mapping, which is wrong when nothing is in it. */
function mapping(key: string): Row {
  return { key, type: "5", value: "", says: /^is empty, wanted / };
}

function auth(key: string): readonly Row[] {
  return [
    { key, type: "5", value: "maybe", says: /^is text, wanted a mapping such as/ },
    { key: `${key}.basic`, type: "5", value: "", says: /^is empty, wanted a mapping such as/ },
    { key: `${key}.realm`, type: "5", value: "'\"'", says: /^is no realm, wanted ASCII/ },
    {
      key: `${key}.keepAuthorization`,
      type: "5",
      value: "maybe",
      says: /^is not known, wanted one of on, off/,
    },
    { key: `${key}.forward`, type: "5", value: "ftp://a/", says: /^is not such a URL, wanted/ },
    {
      key: `${key}.copyHeaders`,
      type: "5",
      value: "[Host]",
      says: /^is a field that Latchkey writes/,
      at: "[0]",
    },
    { key: `${key}.timeout`, type: "5", value: "1", says: /^is a number, wanted a duration/ },
  ];
}

function compress(key: string): readonly Row[] {
  return [
    { key, type: "5", value: "maybe", says: /^is text, wanted on, off, or a mapping/ },
    {
      key: `${key}.types`,
      type: "5",
      value: "[html]",
      says: /^is no media type, wanted one such as/,
      at: "[0]",
    },
    { key: `${key}.minSize`, type: "5", value: "1KB", says: /^is not a size, wanted/ },
    {
      key: `${key}.algorithms`,
      type: "5",
      value: "[deflate]",
      says: /^is not known, wanted one of zstd, br, gzip/,
      at: "[0]",
    },
  ];
}

function issuer(key: string): readonly Row[] {
  return [
    {
      key: `${key}.directory`,
      type: "5",
      value: "http://ca.example/",
      says: /wanted one such as https:/,
    },
    {
      key: `${key}.eab`,
      type: "5",
      value: "[]",
      says: /^is a list, wanted a mapping such as \{ kid: env:KID/,
    },
    {
      key: `${key}.eab.kid`,
      type: "5",
      value: '""',
      says: /^is empty, wanted env:NAME, file:PATH/,
    },
    {
      key: `${key}.eab.hmac`,
      type: "5",
      value: "file:missing.txt",
      says: /^does not exist, wanted the path of a file/,
    },
    {
      key: `${key}.trust`,
      type: "5",
      value: "missing.pem",
      says: /^does not exist, wanted the path of a file/,
    },
    { key: `${key}.profile`, type: "5", value: "two words", says: /^is not the name of a profile/ },
    {
      key: `${key}.preferredChain`,
      type: "5",
      value: '" ISRG Root X1"',
      says: /^is not the common name of a certificate, wanted one such as ISRG Root X1/,
    },
  ];
}

/** All have the same forms, and bounds of their own. */
function limits(): readonly Row[] {
  const { properties } = fileJsonSchema() as {
    properties: { limits: { properties: Readonly<Record<string, unknown>> } };
  };
  return Object.keys(properties.limits.properties).map((name) => ({
    key: `limits.${name}`,
    type: "true",
    value: "9000000000000",
    says: /^is out of range, wanted a whole number from \d+ to \d+/,
  }));
}

function onDemand(key: string): readonly Row[] {
  return [
    { key, type: "5", value: "{}", says: /^is empty, wanted `ask` or `allow`/ },
    { key: `${key}.ask`, type: "5", value: "ftp://a.example/", says: /^is not such a URL/ },
    {
      key: `${key}.allow`,
      type: "a.example",
      value: "[a_b.example]",
      says: /^is not a host name/,
      at: "[0]",
    },
  ];
}

/** The keys of one entry of `dns`. */
function dns(key: string): readonly Row[] {
  const secret = { type: "5", value: '"env:"', says: /^names no variable of the environment/ };
  return [
    { key: `${key}.provider`, type: "5", value: "clodflare", says: /nearest: cloudflare/ },
    {
      key: `${key}.zones`,
      type: "5",
      value: "[a_b.example]",
      says: /^is not a suffix of host names/,
      at: "[0]",
    },
    {
      key: `${key}.authoritative`,
      type: "5",
      value: "[ns.example]",
      says: /^is not an address/,
      at: "[0]",
    },
    { key: `${key}.token`, ...secret },
    { key: `${key}.endpoint`, type: "5", value: "ftp://a.example", says: /^is not such a URL/ },
    { key: `${key}.server`, type: "5", value: "ns.example:53", says: /^is not the address of a/ },
    { key: `${key}.keyName`, type: "5", value: "a b", says: /^is not the name of a key/ },
    { key: `${key}.algorithm`, type: "5", value: "hmac-md5", says: /wanted one of hmac-sha256/ },
    { key: `${key}.secret`, type: "5", value: "a-b", says: /^is not base64, wanted the key/ },
    {
      key: `${key}.accounts`,
      type: "5",
      value: "{ a.example: 5 }",
      says: /^is a number, wanted a mapping such as \{ username/,
      at: '["a.example"]',
    },
    { key: `${key}.accounts.*.username`, ...secret },
    { key: `${key}.accounts.*.password`, ...secret },
    { key: `${key}.accounts.*.subdomain`, ...secret },
    { key: `${key}.command`, type: "5", value: "[]", says: /^is empty, wanted a list/ },
    { key: `${key}.environment`, ...secret, value: '{ TOKEN: "env:" }', at: ".TOKEN" },
    { key: `${key}.timeout`, type: "5", value: "0s", says: /^is too short, wanted at least 1s/ },
  ];
}

function dnsForms(key: string): readonly Row[] {
  const missing = { value: "{}", says: /^is missing, wanted one of cloudflare/, at: ".provider" };
  return [{ key, type: "5", ...missing }, ...dns(key), ...dns(`${key}[]`)];
}

function balancing(key: string): readonly Row[] {
  const weight = { type: "a", value: "0", says: /^is out of range, wanted a weight/ };
  const row = { type: "a", value: "0", says: /^is out of range, wanted a number/ };
  return [
    {
      key: `${key}.health`,
      type: "5",
      value: "no",
      says: /^is text, wanted on, off, or a mapping/,
    },
    { key: `${key}.health.path`, type: "5", value: "healthz", says: /^is not a path/ },
    { key: `${key}.health.status`, type: "true", value: "2x", says: /^is no class of statuses/ },
    { key: `${key}.health.every`, type: "5", value: "1ms", says: /^is too short/ },
    { key: `${key}.health.timeout`, type: "5", value: "1h", says: /^is too long/ },
    { key: `${key}.health.healthyAfter`, ...row },
    { key: `${key}.health.unhealthyAfter`, ...row },
    { key: `${key}.maxConnections`, ...row },
    { key: `${key}.slowStart`, type: "5", value: "1ms", says: /^is too short/ },
    { key: `${key}.ejectAfter`, ...row },
    { key: `${key}.to.weight`, ...weight },
    { key: `${key}.to[].weight`, ...weight },
  ];
}

function forwarding(key: string): readonly Row[] {
  return [
    {
      key: `${key}.to`,
      type: "true",
      value: "0",
      says: /^is not a port, wanted a whole number from 1/,
    },
    {
      key: `${key}.to.url`,
      type: "true",
      value: "gopher://a.example",
      says: /^has an unknown scheme/,
    },
    {
      key: `${key}.to[].url`,
      type: "true",
      value: "http://u:p@b.example",
      says: /^holds a user name or password/,
    },
    mapping(`${key}.backend`),
    { key: `${key}.backend.ca`, type: "true", value: "missing.pem", says: /^does not exist/ },
    { key: `${key}.backend.serverName`, type: "5", value: "a b", says: /^is not a host name/ },
    {
      key: `${key}.backend.verify`,
      type: "5",
      value: "maybe",
      says: /^is not known, wanted one of on, off/,
    },
    {
      key: `${key}.backend.http2`,
      type: "5",
      value: "maybe",
      says: /^is not known, wanted one of on, off/,
    },
    {
      key: `${key}.backend.certificate`,
      type: "5",
      value: "own.pem",
      says: /^is text, wanted a mapping such as/,
    },
    ...["chain", "key"].map((name) => ({
      key: `${key}.backend.certificate.${name}`,
      type: "5",
      value: "missing.pem",
      says: /^does not exist/,
    })),
    { key: `${key}.backend.proxyProtocol`, type: "5", value: "v3", says: /nearest: v1/ },
    { key: `${key}.backend.host`, type: "5", value: "upstraem", says: /nearest: upstream/ },
    mapping(`${key}.timeouts`),
    ...auth(`${key}.auth`),
    ...compress(`${key}.compress`),
    {
      key: `${key}.timeouts.connect`,
      type: "5",
      value: "5 s",
      says: /^is not a duration, wanted .* such as 10s/,
    },
    {
      key: `${key}.timeouts.firstByte`,
      type: "5",
      value: "0s",
      says: /^is too short, wanted at least 1ms/,
    },
    {
      key: `${key}.timeouts.idle`,
      type: "5",
      value: "2d",
      says: /^is too long, wanted at most 1d/,
    },
    {
      key: `${key}.maxBody`,
      type: "100",
      value: "100MB",
      says: /^is not a size, wanted .* such as 16KiB/,
    },
    {
      key: `${key}.balance`,
      type: "5",
      value: "round",
      says: /^is not known, wanted one of round/,
    },
    ...balancing(key),
  ];
}

/** The rules of a host or path. */
function rules(key: string): readonly Row[] {
  const range = { value: "[10.0.0.0/33]", says: /^is not a range/, at: "[0]" };
  const wrongSwitch = { value: "maybe", says: /^is not known, wanted one of on, off/ };
  const fields = {
    type: "5",
    value: "{ Connection: close }",
    says: /^frames the message/,
    at: ".Connection",
  };
  const ours = { type: "Server", says: /^is set by Latchkey itself/, at: "[0]" };
  return [
    mapping(`${key}.headers`),
    mapping(`${key}.headers.request`),
    { key: `${key}.headers.request.set`, ...fields },
    { key: `${key}.headers.request.add`, ...fields },
    { key: `${key}.headers.request.remove`, ...ours, value: "[X-Forwarded-For]" },
    mapping(`${key}.headers.response`),
    { key: `${key}.headers.response.set`, ...fields },
    { key: `${key}.headers.response.add`, ...fields },
    { key: `${key}.headers.response.remove`, ...ours, value: "[Date]" },
    { key: `${key}.securityHeaders`, type: "5", ...wrongSwitch },
    { key: `${key}.allow`, type: "5", ...range },
    { key: `${key}.deny`, type: "5", ...range },
    { key: `${key}.rateLimit`, type: "5", value: "{}", says: /^is missing/, at: ".requests" },
    { key: `${key}.rateLimit.requests`, type: "a", value: "0", says: /^is out of range/ },
    { key: `${key}.rateLimit.per`, type: "5", value: "1ms", says: /^is too short/ },
    { key: `${key}.rateLimit.burst`, type: "a", value: "0", says: /^is out of range/ },
    { key: `${key}.maintenance`, type: "5", ...wrongSwitch },
    { key: `${key}.maintenance.marker`, type: "5", value: '""', says: /^is not a path/ },
    { key: `${key}.maintenance.page`, type: "5", value: "a.html", says: /^does not exist/ },
    { key: `${key}.maintenance.allow`, type: "10.0.0.0/8", ...range },
    { key: `${key}.maintenance.retryAfter`, type: "5", value: "0s", says: /^is too short/ },
    {
      key: `${key}.errors`,
      type: "5",
      value: "{ 200: a.html }",
      says: /^is not the status of an error/,
      at: ".200",
    },
  ];
}

/** The keys of one entry of `paths`. */
function entry(key: string): readonly Row[] {
  return [
    ...forwarding(key),
    ...rules(key),
    {
      key: `${key}.stripPrefix`,
      type: "5",
      value: "yes",
      says: /^is not known, wanted one of on, off/,
    },
    { key: `${key}.replacePrefix`, type: "5", value: "v3", says: /^is not a path prefix/ },
    { key: `${key}.match`, type: "5", value: "{ methods: [] }", says: /^is empty/, at: ".methods" },
    {
      key: `${key}.match.methods`,
      type: "POST",
      value: "[POTS]",
      says: /nearest: POST/,
      at: "[0]",
    },
    {
      key: `${key}.match.headers`,
      type: "5",
      value: "{ Host: b.example }",
      says: /^is set by Latchkey itself/,
      at: ".Host",
    },
    { key: `${key}.redirect`, type: "5", value: "http://b.example", says: /^leads to plain HTTP/ },
    { key: `${key}.status`, type: "gone", value: "200", says: /^is not the status of a redirect/ },
    ...respond(key),
  ];
}

function respond(key: string): readonly Row[] {
  return [
    {
      key: `${key}.respond`,
      type: "true",
      value: "[]",
      says: /^is a list, wanted text, or a mapping/,
    },
    {
      key: `${key}.respond.status`,
      type: "ok",
      value: "101",
      says: /^is out of range, wanted a status from 200/,
    },
    {
      key: `${key}.respond.headers`,
      type: "5",
      value: "{ Connection: close }",
      says: /^frames the message/,
      at: ".Connection",
    },
    { key: `${key}.respond.body`, type: "5", value: "[a]", says: /^is a list, wanted text/ },
  ];
}

const rows: readonly Row[] = [
  { key: "email", type: "5", value: "nobody", says: /^is not a mail address, wanted one such as/ },
  { key: "storage", type: "[a]", value: '""', says: /^is not a path/ },
  {
    key: "workers",
    type: "[1]",
    value: "0",
    says: /^is out of range, wanted auto, or a number from 1/,
  },
  mapping("listen"),
  { key: "listen.https", type: "443", value: "[443x]", says: /^is not an address/, at: "[0]" },
  {
    key: "listen.http",
    type: "80",
    value: '[":70000"]',
    says: /^has a port out of range/,
    at: "[0]",
  },
  { key: "listen.publicHttpsPort", type: "a", value: "0", says: /^is out of range, wanted a port/ },
  { key: "listen.admin", type: "5", value: "127.0.0.1:9000", says: /^is not a Unix socket/ },
  {
    key: "listen.dashboard",
    type: "9180",
    value: "on",
    says: /^says no address, wanted one such as 127\.0\.0\.1:9180, or off$/,
  },
  { key: "listen.dashboard.listen", type: "5", value: "fd:3", says: /^is a descriptor, wanted an/ },
  { key: "listen.dashboard.token", type: "5", value: "short", says: /^is 5 characters long/ },
  {
    key: "listen.proxyProtocol",
    type: "10.0.0.0/8",
    value: "[10.0.0.0/33]",
    says: /^is not a range/,
    at: "[0]",
  },
  {
    key: "trustedProxies",
    type: "80",
    value: "[10.0.0.0/33]",
    says: /^is not a range of addresses, wanted cloudflare, or one/,
    at: "[0]",
  },
  mapping("acme"),
  {
    key: "acme.issuers",
    type: "letsencrypt",
    value: "[letsencript]",
    says: /nearest: letsencrypt\)/,
    at: "[0]",
  },
  ...issuer("acme.issuers[]"),
  { key: "acme.issue", type: "5", value: "at-strat", says: /nearest: at-start/ },
  {
    key: "acme.challenges",
    type: "http-01",
    value: "[http-02]",
    says: /nearest: http-01/,
    at: "[0]",
  },
  { key: "acme.keyType", type: "2048", value: "rsa-1024", says: /nearest: rsa-2048/ },
  {
    key: "acme.resolvers",
    type: "9.9.9.9",
    value: '["dns.example:53"]',
    says: /^is not the address of a name server/,
    at: "[0]",
  },
  ...dnsForms("acme.dns"),
  mapping("authority"),
  { key: "authority.lifetime", type: "7", value: "59s", says: /^is too short, wanted at least 1m/ },
  { key: "authority.permit", type: "lan", value: "[.lan]", says: /wanted "lan"/, at: "[0]" },
  mapping("renewal"),
  {
    key: "renewal.checkEvery",
    type: "10",
    value: "999ms",
    says: /^is too short, wanted at least 1s/,
  },
  { key: "renewal.at", type: "0.3", value: "100%", says: /wanted auto or 1% to 99%/ },
  ...onDemand("onDemand"),
  mapping("alerts"),
  { key: "alerts.webhook", type: "5", value: "ftp://a.example/", says: /^is not such a URL/ },
  { key: "alerts.exec", type: "page", value: '[""]', says: /^is no program/, at: "[0]" },
  { key: "alerts.expiresWithin", type: "0.3", value: "100%", says: /wanted 1% to 99%/ },
  mapping("log"),
  { key: "log.level", type: "5", value: "verbose", says: /wanted one of debug, info, warn, error/ },
  { key: "log.format", type: "5", value: "yaml", says: /wanted one of auto, json, pretty/ },
  {
    key: "log.access",
    type: "5",
    value: "onn",
    says: /wanted off, on, or a path with a \/ or \. in it/,
  },
  { key: "log.query", type: "5", value: "maybe", says: /^is not known, wanted one of on, off/ },
  mapping("limits"),
  ...limits(),
  { key: "hosts", type: "5", value: "{}", says: /^is empty, wanted hosts/ },
  ...forwarding("hosts.*"),
  {
    key: "hosts.*.paths",
    type: "5",
    value: "{ v2: { to: 3 } }",
    says: /^is not a path prefix/,
    at: ".v2",
  },
  ...entry("hosts.*.paths.*"),
  ...entry("hosts.*.paths.*[]"),
  ...rules("hosts.*"),
  { key: "hosts.*.hsts", type: "5", value: "soon", says: /^is not a duration/ },
  { key: "hosts.*.hsts.maxAge", type: "5", value: "1y", says: /^is not a duration/ },
  {
    key: "hosts.*.hsts.includeSubDomains",
    type: "5",
    value: "maybe",
    says: /^is not known, wanted one of on, off/,
  },
  {
    key: "hosts.*.hsts.preload",
    type: "5",
    value: "on",
    says: /^needs `includeSubDomains: on` beside it/,
  },
  {
    key: "hosts.*.passThrough.to",
    type: "9443",
    value: "127.0.0.1",
    says: /^is not an address, wanted host:port/,
  },
  {
    key: "hosts.*.passThrough.proxyProtocol",
    type: "2",
    value: "v3",
    says: /^is not known, wanted one of v1, v2/,
  },
  {
    key: "hosts.*.passThrough",
    type: "9443",
    value: "127.0.0.1",
    says: /^is not an address, wanted host:port/,
  },
  { key: "hosts.*.redirect", type: "5", value: "http://b.example", says: /^leads to plain HTTP/ },
  { key: "hosts.*.status", type: "gone", value: "200", says: /^is not the status of a redirect/ },
  ...respond("hosts.*"),
  { key: "hosts.*.issuer", type: "5", value: "letsencript", says: /nearest: letsencrypt\)/ },
  ...issuer("hosts.*.issuer"),
  {
    key: "hosts.*.certificate",
    type: "5",
    value: "own.pem",
    says: /^is text, wanted a mapping such as/,
  },
  { key: "hosts.*.certificate.chain", type: "5", value: "missing.pem", says: /^does not exist/ },
  { key: "hosts.*.certificate.key", type: "5", value: "missing.pem", says: /^does not exist/ },
  ...onDemand("hosts.*.onDemand"),
  mapping("hosts.*.clientAuth"),
  { key: "hosts.*.clientAuth.ca", type: "5", value: "missing.pem", says: /^does not exist/ },
  {
    key: "hosts.*.clientAuth.mode",
    type: "5",
    value: "demand",
    says: /^is not known, wanted one of require, request/,
  },
  mapping("hosts.*.tls"),
  {
    key: "hosts.*.tls.minVersion",
    type: "1.3",
    value: "TLSv1.1",
    says: /^is not known, wanted one of TLSv1\.2, TLSv1\.3/,
  },
  {
    key: "hosts.*.certificateOnly",
    type: "5",
    value: "maybe",
    says: /^is not known, wanted one of on, off/,
  },
  { key: "include", type: "5", value: "si*es/a.yaml", says: /^has a \* in a folder, wanted it in/ },
  { key: "watch", type: "5", value: "sometimes", says: /^is not known, wanted on/ },
  {
    key: "hosts.*.onCertificate",
    type: "reload",
    value: '[""]',
    says: /^is no program/,
    at: "[0]",
  },
  ...dnsForms("hosts.*.dns"),
];

test("the rows are about every key that the schema knows and supports", () => {
  const known = [...new Set(keysOf(fileJsonSchema(), ""))].sort();
  assert.ok(known.length > 60);
  assert.deepEqual([...new Set(rows.map(({ key }) => key))].sort(), known);
});

for (const { key, type, value, says, at = "" } of rows) {
  test(`${key} with a value of the wrong type is one fault that says what is wanted`, () => {
    const { text, line, path } = documentOf(key, type);
    const [fault, ...others] = told(text, key);
    assert.equal(fault?.path, path);
    assert.equal(fault?.line, line);
    assert.match(
      fault?.message ?? "",
      /^is (?:text|a number|a switch|a list|empty|not a mapping), wanted \S/,
    );
    assert.deepEqual(others, []);
  });

  test(`${key} with a wrong value is one fault that says what is wanted`, () => {
    const { text, line, path } = documentOf(key, value);
    const [fault, ...others] = told(text, key);
    assert.equal(fault?.path, path + at);
    assert.equal(fault?.line, line);
    assert.match(fault?.message ?? "", says);
    assert.deepEqual(others, []);
  });

  test(`${key} misspelt is a fault that names it`, () => {
    const name = lastNameOf(key);
    const misspelt = `${name.charAt(1)}${name.charAt(0)}${name.slice(2)}`;
    const { text, line, path } = documentOf(key, "x", misspelt);
    const fault = faultsOf(text).find((candidate) => candidate.path === path);
    assert.equal(fault?.line, line);
    assert.equal(fault?.message, `is not a known key, nearest is "${name}"`);
  });
}

/** The faults of a text, without those about the certificate files that stand beside the key. */
function told(text: string, key: string) {
  return faultsOf(text).filter(({ path }) => {
    return !(
      key.includes(".certificate.") &&
      !path.endsWith(lastNameOf(key)) &&
      /certificate\.(?:chain|key)$/.test(path)
    );
  });
}

/** A document in block style that gives `key` a value: its text, and where the value then stands. */
function documentOf(key: string, value: string, name = lastNameOf(key)) {
  const steps = key.replaceAll("[]", ".[]").split(".");
  const lines: string[] = [];
  let path = "";
  let indent = "";
  let dash = "";
  for (const [index, step] of steps.entries()) {
    if (step === "[]") {
      dash = "- ";
      path += "[0]";
      continue;
    }
    const parent = steps.slice(0, index).join(".");
    const isLast = index === steps.length - 1;
    const written =
      step === "*" ? (parent.endsWith(".paths") ? "/v2/" : "a.example") : isLast ? name : step;
    for (const line of besideOf(parent, step)) {
      lines.push(`${indent}${dash}${line}`);
      if (dash !== "") [dash, indent] = ["", `${indent}  `];
    }
    lines.push(`${indent}${dash}${written}:${isLast ? ` ${value}` : ""}`);
    indent += dash === "" ? "  " : "    ";
    dash = "";
    const isPlain = /^[A-Za-z0-9_-]+$/.test(written);
    path += isPlain ? `${path === "" ? "" : "."}${written}` : `["${written}"]`;
  }
  const line = lines.length;
  if (steps[0] !== "hosts") lines.push("hosts:", "  b.example: 3001");
  return { text: lines.join("\n"), line, path };
}

/** What must stand beside a key so that it alone is wrong. */
function besideOf(parent: string, step: string): readonly string[] {
  if (/\.to(?:\.\[\])?$/.test(parent) && step === "weight") return ["url: 3001"];
  if (["trust", "eab", "profile", "preferredChain"].includes(step))
    return ["directory: https://ca.example/"];
  if (parent.endsWith(".auth"))
    return ["realm", "keepAuthorization"].includes(step)
      ? ["basic: { ops: env:OPS }"]
      : ["copyHeaders", "timeout"].includes(step)
        ? ["forward: http://127.0.0.1:9091/"]
        : [];
  if (parent === "listen.dashboard") return step === "token" ? ["listen: 127.0.0.1:9180"] : [];
  if (parent.endsWith(".eab")) return [step === "kid" ? "hmac: secret" : "kid: secret"];
  if (parent.endsWith(".certificate")) return [`${step === "key" ? "chain" : "key"}: missing.pem`];
  if (parent === "hosts.*.passThrough") return step === "to" ? [] : ["to: 127.0.0.1:9443"];
  if (parent === "hosts.*.clientAuth" && step === "mode") return ["ca: missing.pem"];
  if (/\.dns(?:\.\[\])?$/.test(parent)) return besideInDns(step);
  if (parent.endsWith(".accounts.*"))
    return ["username", "password", "subdomain"]
      .filter((name) => name !== step)
      .map((name) => `${name}: x`);
  if (parent.endsWith(".rateLimit")) return step === "requests" ? [] : ["requests: 1"];
  if (parent === "hosts.*.hsts") return step === "maxAge" ? [] : ["maxAge: 730d"];
  if (!/^hosts\.\*(?:\.paths\.\*(?:\.\[\])?)?$/.test(parent)) return [];
  if (["to", "passThrough", "redirect", "respond"].includes(step)) return [];
  return step === "status" ? ["redirect: b.example"] : ["to: https://b.example"];
}

/** A provider that the key goes with, and what else it needs. */
function besideInDns(step: string): readonly string[] {
  const providers: readonly (readonly [string, ...string[]])[] = [
    ["cloudflare", "token", "endpoint"],
    ["rfc2136", "server", "keyName", "secret", "algorithm"],
    ["acme-dns", "server", "accounts"],
    ["exec", "command", "zones", "authoritative", "environment", "timeout"],
  ];
  const values: Readonly<Record<string, string>> = {
    token: "t",
    server: step === "accounts" ? "https://a.example" : "10.0.0.53",
    keyName: "k",
    secret: "c2VjcmV0",
    command: "dns",
  };
  const [provider, ...keys] = providers.find(([, ...known]) => known.includes(step)) ?? [];
  if (provider === undefined) return [];
  const needed = keys.filter((name) => name !== step && values[name] !== undefined);
  return [`provider: ${provider}`, ...needed.map((name) => `${name}: ${values[name]}`)];
}

function lastNameOf(key: string): string {
  return key.split(".").at(-1) ?? "";
}

/** Every supported key of a JSON Schema, as the rows spell them. */
function keysOf(schema: unknown, at: string): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const {
    properties = {},
    additionalProperties,
    items,
    anyOf = [],
  } = schema as {
    properties?: Record<string, unknown>;
    additionalProperties?: unknown;
    items?: unknown;
    anyOf?: unknown[];
  };
  return [
    ...Object.entries(properties).flatMap(([name, inner]) => {
      const key = at === "" ? name : `${at}.${name}`;
      return [key, ...keysOf(inner, key)];
    }),
    ...keysOf(additionalProperties, `${at}.*`),
    ...keysOf(items, `${at}[]`),
    ...anyOf.flatMap((inner) => keysOf(inner, at)),
  ];
}
