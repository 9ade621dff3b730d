import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { describeRoutes } from "../../src/config/describe.ts";
import { makeAuthority } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { CHEAP_HASH } from "../support/passwords.ts";

test("describeRoutes prints a line for each host, aligned, then listeners and storage", () => {
  const text = `listen: { https: [":8443", "[::1]:9443", "fd:5"], http: [] }
onDemand: { ask: "http://127.0.0.1:3000/" }
hosts:
  store.shop.example: 3001
  a.localhost, b.localhost: { to: [https://app, unix:/run/app.sock] }
  api.shop.example: { to: 1, paths: { /v2/: { to: "[::1]:2", stripPrefix: on } } }
  "*.shop.example": tcp://127.0.0.1:1883
  "*": { passThrough: 127.0.0.1:9443 }
  old.shop.example: { redirect: store.shop.example/x, status: 301 }
  up.shop.example: { respond: ok, issuer: { directory: https://ca.example/d } }
`;
  assert.equal(
    describeRoutes(configOf(text)),
    `HOST                ACTION                                          CERTIFICATE
store.shop.example  → http://127.0.0.1:3001                         letsencrypt
a.localhost         → https://app:443, unix:/run/app.sock           internal
b.localhost         → https://app:443, unix:/run/app.sock           internal
api.shop.example    /v2/ → http://[::1]:2 (prefix taken off); → http://127.0.0.1:1  letsencrypt
*.shop.example      → tcp://127.0.0.1:1883                          letsencrypt on demand
*                   → 127.0.0.1:9443 (pass-through)                 none
old.shop.example    redirect 301 https://store.shop.example:8443/x  letsencrypt
up.shop.example     respond 200                                     https://ca.example/d

https    :8443, [::1]:9443, fd:5 (clients see port 8443)
http     none
admin    unix:/srv/edge/storage/admin.sock
storage  /srv/edge/storage
workers  4
`,
  );
});

test("a very long line sticks out instead of moving the column of every host", () => {
  const many = Array.from({ length: 10 }, (_, index) => 3_000 + index);
  const lines = describeRoutes(
    configOf(`hosts:\n  a.example: 1\n  b.example: { to: [${many}] }\n`),
  ).split("\n");
  assert.equal(lines[1], "a.example  → http://127.0.0.1:1  letsencrypt");
  assert.match(lines[2] ?? "", /:3009 {2}letsencrypt$/);
});

/** What stands in a host's entry, and its action and certificate in the table. */
const guarded: readonly (readonly [entry: string, action: string, certificate: string])[] = [
  [`{ to: 1, auth: { basic: { ops: "${CHEAP_HASH}" } } }`, "→ http://127.0.0.1:1 (auth basic)", ""],
  [
    `{ to: 1, auth: { forward: "http://127.0.0.1:9/v" } }`,
    "→ http://127.0.0.1:1 (auth forward)",
    "",
  ],
  [
    "{ to: 1, allow: [10.0.0.0/8], deny: [10.0.0.1, 10.0.0.2], maxBody: 10MiB }",
    "→ http://127.0.0.1:1 (allow 1, deny 2, body 10 MiB)",
    "",
  ],
  [
    "{ to: 1, rateLimit: { requests: 100, per: 1s }, paths: { /a/: { to: 2, stripPrefix: on, rateLimit: off }, /b: { respond: ok } } }",
    "/a/ → http://127.0.0.1:2 (prefix taken off); /b respond 200 (rate 100/1s); → http://127.0.0.1:1 (rate 100/1s)",
    "",
  ],
  ["{ respond: ok, deny: [10.0.0.1] }", "respond 200 (deny 1)", ""],
  ["{ redirect: b.example, maintenance: on }", "redirect 308 https://b.example (maintenance)", ""],
  ["{ to: tcp://127.0.0.1:1, clientAuth: { ca: CA } }", "→ tcp://127.0.0.1:1", " (mTLS)"],
  ["{ to: 1, clientAuth: { ca: CA, mode: request } }", "→ http://127.0.0.1:1", " (mTLS if shown)"],
];

test("the table shows who is let in where, and how much of them is taken", () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-describe-"));
  try {
    const ca = join(folder, "ca.pem");
    writeFileSync(ca, makeAuthority().certificate);
    for (const [entry, action, certificate] of guarded) {
      const config = configOf(`hosts:\n  a.example: ${entry.replace("CA", ca)}\n`);
      const [, line] = describeRoutes(config).split("\n");
      assert.equal(
        line?.replace(/ {2,}/g, "  "),
        `a.example  ${action}  letsencrypt${certificate}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a wildcard that has one certificate is shown to get it by DNS", () => {
  const config = configOf(
    'acme: { dns: { provider: exec, command: /bin/dns } }\nhosts: { "*.shop.example": 3001, a.shop.example: 3002 }',
  );
  const table = describeRoutes(config);
  assert.match(table, /^\*\.shop\.example .* letsencrypt by DNS$/m);
  assert.match(table, /^a\.shop\.example .* letsencrypt$/m);
});
