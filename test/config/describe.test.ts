import assert from "node:assert/strict";
import { test } from "node:test";
import { describeRoutes } from "../../src/config/describe.ts";
import { configOf } from "../support/config-text.ts";

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
