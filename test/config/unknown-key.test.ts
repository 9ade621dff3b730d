import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf } from "../support/config-text.ts";

const METRICS = "they need none: GET /metrics on the admin socket (`listen.admin`) tells them";

/** Text of a whole file with a key that is not known, and the fault for it. */
const unknown: readonly (readonly [text: string, path: string, message: string])[] = [
  ["emial: a@b.example", "emial", nearestIs("email")],
  ["metrics: on", "metrics", unlikeAll(METRICS, "email")],
  ["dashboard: on", "dashboard", unlikeAll(`this one belongs to listen.dashboard`, "storage")],
  ["listen: { metrics: 127.0.0.1:9100 }", "listen.metrics", unlikeAll(METRICS, "https")],
  ["issuers: [internal]", "issuers", unlikeAll(`this one belongs to acme.issuers`, "workers")],
  ["level: debug", "level", unlikeAll(`this one belongs to log.level`, "email")],
  [
    "timeouts: { connect: 5s }",
    "timeouts",
    unlikeAll(`this one belongs to hosts.HOST.timeouts`, "limits"),
  ],
  [
    "ca: own.pem",
    "ca",
    unlikeAll(`this one belongs to hosts.HOST.backend.ca or hosts.HOST.clientAuth.ca`, "acme"),
  ],
  [
    "store.shop.example: 3001",
    '["store.shop.example"]',
    `${nearestIs("storage")}; a host belongs to \`hosts\`: indent it below that key`,
  ],
  [
    "hosts: { a.example: { to: 3001, stripPrefix: on } }",
    'hosts["a.example"].stripPrefix',
    unlikeAll(`this one belongs to hosts.HOST.paths.PREFIX.stripPrefix`, "compress"),
  ],
  [
    "log: { issuers: [] }",
    "log.issuers",
    unlikeAll(`known here are level, format, access, query`, "query"),
  ],
  [
    "log: { colour: off }",
    "log.colour",
    unlikeAll(`known here are level, format, access, query`, "format"),
  ],
  [
    "hosts: { a.example: { to: 3001, zzz: 5 } }",
    'hosts["a.example"].zzz',
    unlikeAll(`config/reference.yaml shows all`, "to"),
  ],
];

for (const [text, path, message] of unknown) {
  test(`${text}: ${message}`, () => {
    const [fault, ...others] = faultsOf(withHosts(text));
    assert.deepEqual([fault?.path, fault?.message], [path, message]);
    assert.deepEqual(others, []);
  });
}

test("a host with a key that is like none is told what it could do", () => {
  assert.deepEqual(
    faultsOf("hosts: { a.example: { upstream: 3001 } }").map(({ message }) => message),
    [
      "does nothing, wanted one of to, paths, passThrough, redirect, respond, certificateOnly",
      unlikeAll(`config/reference.yaml shows all`, "compress"),
    ],
  );
});

test("thousands of unknown keys are told in little more time than one", () => {
  const hosts = Array.from({ length: 500 }, (_, index) => `  h${index}.test: { to: 1, zzz: 5 }`);
  const startedAt = performance.now();
  assert.equal(faultsOf(`hosts:\n${hosts.join("\n")}\n`).length, hosts.length);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 4_000, `${tookMs} ms`);
});

/** How every fault of an unknown key begins, however far the nearest one is. */
function unlikeAll(help: string, nearest: string): string {
  return `is not a known key: ${help} (nearest, though not like it, is "${nearest}")`;
}

function nearestIs(known: string): string {
  return `is not a known key, nearest is "${known}"`;
}

function withHosts(text: string): string {
  return text.startsWith("hosts:") ? text : `${text}\nhosts:\n  b.example: 3001\n`;
}
