import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathRoute } from "../../src/config/destination.ts";
import { configOf, faultsOf } from "../support/config-text.ts";
import { CHEAP_HASH } from "../support/passwords.ts";

const HASH = JSON.stringify(CHEAP_HASH);

/** The paths of the one host that has these keys. */
function pathsOf(keys: string, environment = {}): readonly PathRoute[] {
  const [host] = configOf(`hosts: { a.example: { to: 1, ${keys} } }`, undefined, environment).hosts;
  if (host?.action.kind !== "forward") throw new TypeError("the host does not forward");
  return host.action.paths.filter((path) => path.answer === undefined);
}

test("the form of the contract: names and hashes", () => {
  const [path] = pathsOf(`auth: { basic: { ops: ${HASH} } }`);
  assert.deepEqual(path?.auth, {
    kind: "basic",
    users: { ops: CHEAP_HASH },
    realm: "restricted",
    keepsAuthorization: false,
  });
});

test("a hash may stand in the environment", () => {
  const [path] = pathsOf("auth: { basic: { ops: env:OPS } }", { OPS: CHEAP_HASH });
  assert.deepEqual(path?.auth?.kind === "basic" && path.auth.users, { ops: CHEAP_HASH });
});

test("a service is an address and a target; what it vouches for is barred on every path", () => {
  const paths = pathsOf(
    "auth: { forward: http://127.0.0.1:9091/verify?a=1, copyHeaders: [Remote-User], timeout: 2s }, paths: { /open/: { to: 2, auth: off } }",
  );
  const [open, rest] = paths;
  assert.deepEqual(rest?.auth, {
    kind: "forward",
    service: { kind: "http", address: { host: "127.0.0.1", port: 9091 }, hostHeader: "backend" },
    target: "/verify?a=1",
    timeoutMs: 2_000,
    copied: ["remote-user"],
  });
  assert.equal(open?.auth, undefined);
  assert.deepEqual(
    paths.map(({ vouched }) => vouched),
    [["remote-user"], ["remote-user"]],
  );
});

test("a service's cookies are for the client, and vouch for nothing", () => {
  const [rest] = pathsOf(
    "auth: { forward: http://127.0.0.1:9091/, copyHeaders: [Set-Cookie, Remote-User] }",
  );
  const auth = rest?.auth?.kind === "forward" ? rest.auth : undefined;
  assert.deepEqual(auth?.copied, ["remote-user"]);
  assert.equal(auth.passesCookies, true);
  assert.deepEqual(rest?.vouched, ["remote-user"]);
});

test("a path has what its host has, unless it says something itself", () => {
  const paths = pathsOf(
    `auth: { basic: { ops: ${HASH} } }, compress: on, paths: { /aa/: { to: 2 }, /b/: { to: 2, auth: off, compress: off } }`,
  );
  assert.deepEqual(
    paths.map(({ prefix, auth, compress }) => [prefix, auth?.kind, compress?.minBytes]),
    [
      ["/aa/", "basic", 1_024],
      ["/b/", undefined, undefined],
      ["/", "basic", 1_024],
    ],
  );
});

test("compress takes types, a size and algorithms", () => {
  const [path] = pathsOf(
    "compress: { types: [Text/HTML, application/*], minSize: 2KiB, algorithms: [gzip] }",
  );
  assert.deepEqual(path?.compress, {
    types: ["text/html", "application/*"],
    minBytes: 2_048,
    codings: ["gzip"],
  });
});

/** Keys of a host that forwards, where the fault is, and what it says. */
const faulty: readonly (readonly [string, string, RegExp])[] = [
  [
    "auth: { basic: { ops: secret } }",
    "auth.basic.ops",
    /^is no hash of a password, wanted what `latchkey hash-password` prints$/,
  ],
  [
    "auth: { basic: { ops: $2y$05$abc } }",
    "auth.basic.ops",
    /^is a bcrypt hash, which is not supported/,
  ],
  ["auth: { basic: { ops: env:NONE } }", "auth.basic.ops", /^is not set/],
  ["auth: { basic: {} }", "auth.basic", /^has 0, wanted 1 to 1000 users$/],
  [`auth: { basic: { "a:b": ${HASH} } }`, 'auth.basic["a:b"]', /^holds a colon/],
  [`auth: { basic: { " a": ${HASH} } }`, 'auth.basic[" a"]', /^is no user name/],
  ["auth: {}", "auth", /^says nothing, wanted `basic` or `forward`$/],
  ["auth: on", "auth", /^says nothing of who may in/],
  ["auth: secret", "auth", /wanted/],
  [`auth: { basic: { a: ${HASH} }, forward: http://a:1/ }`, "auth", /^says two things/],
  [`auth: { basic: { a: ${HASH} }, timeout: 1s }`, "auth.timeout", /^does not go with `basic`/],
  ["auth: { forward: http://a:1/, realm: x }", "auth.realm", /^does not go with `forward`/],
  [`auth: { basic: { a: ${HASH} }, realm: 'a"b' }`, "auth.realm", /^is no realm/],
  ["auth: { forward: 9091 }", "auth.forward", /^is a number, wanted a URL/],
  ["auth: { forward: ftp://a/ }", "auth.forward", /^is not such a URL/],
  ["auth: { forward: http://u:p@a/ }", "auth.forward", /^holds a user name or password/],
  ["auth: { forward: 'http://a:1/x#y' }", "auth.forward", /^is not such a URL/],
  ["auth: { forward: 'http://a:1/x y' }", "auth.forward", /^is not such a URL/],
  [
    "auth: { forward: http://a:1/, copyHeaders: [Host] }",
    "auth.copyHeaders[0]",
    /^is a field that Latchkey writes/,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [X-Forwarded-For] }",
    "auth.copyHeaders[0]",
    /^is a field that Latchkey/,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [Content-Length] }",
    "auth.copyHeaders[0]",
    /^frames the message/,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [Remote_User] }",
    "auth.copyHeaders[0]",
    /^holds _ or \./,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [X-SSL-Client-Verify] }",
    "auth.copyHeaders[0]",
    /^is a field that Latchkey/,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [Client-Certificate] }",
    "auth.copyHeaders[0]",
    /^is a field that Latchkey/,
  ],
  // Whoever can send a field must not be believed by it.
  [
    "auth: { forward: http://a:1/, copyHeaders: [Remote-User] }, paths: { /a: { match: { headers: { Remote-User: root } }, to: 1 } }",
    'paths["/a"].match.headers.Remote-User',
    /^says who a client is by `auth` of this host, and anybody can send it/,
  ],
  [
    "paths: { /a: { match: { headers: { remote-user: root } }, to: 1 }, /b: { to: 2, auth: { forward: http://a:1/, copyHeaders: [Remote-User] } } }",
    'paths["/a"].match.headers.remote-user',
    /anybody can send it/,
  ],
  [
    "paths: { /a: { match: { headers: { X-Client-Cert-Verify: SUCCESS } }, to: 1 } }",
    'paths["/a"].match.headers.X-Client-Cert-Verify',
    /^is set by Latchkey itself/,
  ],
  [
    "headers: { request: { set: { Client-Cert: x } } }",
    "headers.request.set.Client-Cert",
    /^is set by Latchkey itself/,
  ],
  [
    `auth: { basic: { a: ${HASH} } }, headers: { request: { set: { X-Forwarded-User: b } } }`,
    "headers.request.set.X-Forwarded-User",
    /^says who a client is by `auth` of this host, which no rule may be about/,
  ],
  [
    "auth: { forward: http://a:1/, copyHeaders: [Remote-User] }, paths: { /a: { to: 1, headers: { request: { remove: [X-A, Remote-User] } } } }",
    'paths["/a"].headers.request.remove[1]',
    /which no rule may be about/,
  ],
  ["compress: { types: [html] }", "compress.types[0]", /^is no media type/],
  [
    "compress: { algorithms: [deflate] }",
    "compress.algorithms[0]",
    /^is not known, wanted one of zstd, br, gzip/,
  ],
  ["compress: { level: 9 }", "compress.level", /^is not a known key/],
];

for (const [keys, at, message] of faulty) {
  test(`${keys} is a fault`, () => {
    const [fault, ...others] = faultsOf(`hosts: { a.example: { to: 1, ${keys} } }`);
    assert.equal(fault?.path, `hosts["a.example"].${at}`);
    assert.match(fault?.message ?? "", message);
    assert.deepEqual(others, []);
  });
}

test("auth and compress belong to what is forwarded", () => {
  for (const keys of [`auth: { basic: { a: ${HASH} } }`, "compress: on"]) {
    const [fault] = faultsOf(`hosts: { a.example: { respond: ok, ${keys} } }`);
    assert.match(fault?.message ?? "", /^does not go with `respond`/);
  }
});
