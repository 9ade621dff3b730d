import assert from "node:assert/strict";
import { test } from "node:test";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { FILE } from "../support/config-text.ts";

const OWN = ["127.0.0.1", "::1", "203.0.113.7", "2001:db8::7"];

/** What is written of the listeners, where a host leads, and the listener that this is, if it is one. */
const rows: readonly (readonly [listen: string, to: string, listener: string | undefined])[] = [
  ["{}", "443", ":443"],
  ["{}", "https://127.0.0.1", ":443"],
  ["{}", "https://127.0.0.2", ":443"],
  ["{}", '"https://[::1]"', ":443"],
  ["{}", '"https://[::ffff:127.0.0.1]"', ":443"],
  ["{}", "https://0.0.0.0", ":443"],
  ["{}", '"https://[::]:443"', ":443"],
  ["{}", "https://203.0.113.7", ":443"],
  ["{}", '"https://[2001:DB8::7]"', ":443"],
  ["{}", "https://203.0.113.8", undefined],
  ["{}", "other-host:443", undefined],
  ["{}", "3001", undefined],
  ["{ http: [] }", "80", undefined],
  ["{ https: ['127.0.0.1:80'], http: ['203.0.113.7:80'] }", "80", "127.0.0.1:80"],
  ["{ https: [':8443'] }", "https://localhost:8443", ":8443"],
  ["{ https: [':8443'] }", "https://localhost", undefined],
  ["{ https: ['127.0.0.1:443'] }", "https://127.0.0.1", "127.0.0.1:443"],
  ["{ https: ['127.0.0.1:443'] }", "https://localhost", "127.0.0.1:443"],
  ["{ https: ['127.0.0.1:443'] }", "https://0.0.0.0", "127.0.0.1:443"],
  ["{ https: ['127.0.0.1:443'] }", "https://127.0.0.2", undefined],
  ["{ https: ['203.0.113.7:443'] }", "https://localhost", undefined],
  ["{ https: ['203.0.113.7:443'] }", "https://203.0.113.7", "203.0.113.7:443"],
  ["{ https: ['localhost:443'] }", "https://127.0.0.1", "localhost:443"],
  ["{ https: ['edge.internal:443'] }", "https://EDGE.internal", "edge.internal:443"],
  ["{ https: ['0.0.0.0:443'] }", '"https://[::1]"', undefined],
  ["{ https: ['0.0.0.0:443'] }", "https://203.0.113.7", "0.0.0.0:443"],
  ["{ https: ['[::1]:443'] }", '"https://[0:0::1]"', "[::1]:443"],
  ["{ https: ['fd:3'] }", "https://localhost", undefined],
  ["{ https: [':0'] }", "443", undefined],
  ["{}", "unix:../storage/admin.sock", "the admin socket"],
  ["{}", "unix:/run/app.sock", undefined],
  ["{ admin: unix:/run/a.sock }", "unix:/run/a.sock", "the admin socket"],
];

for (const [listen, to, listener] of rows) {
  test(`listen: ${listen}, to: ${to} ${listener === undefined ? "is fine" : `leads to ${listener}`}`, () => {
    const text = `listen: ${listen}\nhosts: { a.internal: ${to} }\n`;
    assert.deepEqual(
      told(text),
      listener === undefined ? [] : [`hosts["a.internal"].to: ${because(listener)}`],
    );
  });
}

for (const to of ["80", "http://localhost"]) {
  test(`to: ${to} is warned of, as another program may have the port`, () => {
    const loaded = load(`hosts: { a.internal: ${to} }`);
    assert.deepEqual(loaded.ok && loaded.warnings.map(({ path, message }) => [path, message]), [
      [
        'hosts["a.internal"].to',
        "leads to :80, where Latchkey itself listens unless another program has the port, " +
          "wanted the address of the service, or listen.http: [] to leave the port to it",
      ],
    ]);
  });
}

test("a host that leads to an inherited socket's usual port is fine: where that socket listens is not known", () => {
  for (const to of ["443", "80"]) {
    const loaded = load(`hosts: { a.internal: ${to} }`, { LISTEN_FDS: "2" });
    assert.deepEqual(loaded.ok && loaded.warnings, []);
  }
});

/** The other keys that lead somewhere. */
for (const [entry, path] of [
  ["{ passThrough: 127.0.0.1:443 }", "passThrough"],
  ["{ passThrough: { to: 127.0.0.1:443 } }", "passThrough"],
  ["{ to: tcp://localhost:443 }", "to"],
  ["{ to: [3001, { url: https://localhost, weight: 2 }] }", "to"],
  ["{ to: 3001, paths: { /v2/: { to: 443 } } }", 'paths["/v2/"].to'],
  ["{ to: 3001, auth: { forward: https://localhost/verify } }", "auth.forward"],
  [
    "{ to: 3001, paths: { /v2/: { to: 3002, auth: { forward: https://localhost/verify } } } }",
    'paths["/v2/"].auth.forward',
  ],
] as const) {
  test(`${entry} is a loop at ${path}`, () => {
    assert.deepEqual(told(`hosts: { a.internal: ${entry} }`), [
      `hosts["a.internal"].${path}: ${because(":443")}`,
    ]);
  });
}

test("a fault of the listeners is told alone", () => {
  const text = "listen: { https: [443] }\nhosts: { a.internal: 443 }\n";
  assert.equal(told(text).length, 1);
});

function because(listener: string): string {
  return `leads to ${listener}, where Latchkey itself listens, wanted the address of the service`;
}

function told(text: string): readonly string[] {
  const loaded = load(text);
  return loaded.ok ? [] : loaded.faults.map(({ path, message }) => `${path}: ${message}`);
}

function load(text: string, environment: Readonly<Record<string, string>> = {}) {
  return parseConfig(text, {
    ...{ file: FILE, files: diskFiles, environment },
    ...{ cores: 1, addresses: OWN },
  });
}
