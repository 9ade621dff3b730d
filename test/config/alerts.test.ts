import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFault } from "../../src/config/faults.ts";
import { withoutSecrets } from "../../src/config/secret.ts";
import { configOf, FILE, faultsOf } from "../support/config-text.ts";

const HOSTS = "hosts: { a.example: 3001 }";
const HOOK = "https://chat.example/services/T0KEN";
const alertsOf = (text: string) => configOf(`${text}\n${HOSTS}`, FILE, { HOOK }).alerts;

const read: readonly (readonly [text: string, alerts: object])[] = [
  ["", { webhook: undefined, exec: undefined, expiresWithin: 0.25 }],
  ["alerts: { webhook: env:HOOK }", { webhook: HOOK, exec: undefined, expiresWithin: 0.25 }],
  [
    "alerts: { webhook: http://127.0.0.1:9/hook, expiresWithin: 10% }",
    { webhook: "http://127.0.0.1:9/hook", exec: undefined, expiresWithin: 0.1 },
  ],
  [
    'alerts: { exec: ["/usr/local/bin/page", "me", "me"] }',
    { webhook: undefined, exec: ["/usr/local/bin/page", "me", "me"], expiresWithin: 0.25 },
  ],
  ["alerts: { exec: [page] }", { webhook: undefined, exec: ["page"], expiresWithin: 0.25 }],
  [
    "alerts: { exec: [../bin/page] }",
    { webhook: undefined, exec: ["/srv/edge/bin/page"], expiresWithin: 0.25 },
  ],
  [
    "renewal: { at: 20% }\nalerts: { exec: [page] }",
    { webhook: undefined, exec: ["page"], expiresWithin: 0.15000000000000002 },
  ],
];

for (const [text, alerts] of read) {
  test(`${text || "no alerts"} is read`, () => {
    assert.deepEqual(alertsOf(text), alerts);
  });
}

const faults: readonly (readonly [text: string, says: RegExp])[] = [
  ["webhook: env:ABSENT", /alerts\.webhook: is not set, wanted ABSENT in the environment$/],
  ["webhook: ftp://T0KEN.example/", /alerts\.webhook: is not such a URL, wanted one such as/],
  ["webhook: T0KEN", /alerts\.webhook: is not such a URL, wanted one such as/],
  ["exec: page me", /alerts\.exec: is text, wanted a list such as/],
  ["exec: []", /alerts\.exec: is empty, wanted a list such as/],
  ['exec: [""]', /alerts\.exec\[0\]: is no program, wanted one such as/],
  ["exec: [page, 3]", /alerts\.exec\[1\]: is a number, wanted text/],
  ["expiresWithin: 0%", /alerts\.expiresWithin: is not a part of the lifetime, wanted 1% to 99%$/],
  ["expiresWithin: auto", /alerts\.expiresWithin: is not a part of the lifetime/],
  ["mail: ops@shop.example", /alerts\.mail: .*unknown|alerts\.mail: /],
];

for (const [text, says] of faults) {
  test(`alerts: { ${text} } is a fault that repeats no secret`, () => {
    const found = faultsOf(`alerts: { ${text} }\n${HOSTS}`).map(formatFault);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0] ?? "", says);
    assert.ok(!found[0]?.includes("T0KEN"));
  });
}

const hooks: readonly (readonly [entry: string, says: RegExp | undefined])[] = [
  ["a.example: { certificateOnly: true, onCertificate: [/usr/local/bin/reload-mail] }", undefined],
  ["a.example: { to: 3001, onCertificate: [reload] }", undefined],
  ["a.example: { certificateOnly: on, issuer: letsencrypt-staging }", undefined],
  ["a.localhost: { certificateOnly: true }", undefined],
  ["a.example: { certificateOnly: true, to: 3001 }", /certificateOnly: does not go with `to`/],
  [
    "a.example: { certificateOnly: true, maxBody: 1MiB }",
    /maxBody: does not go with `certificateOnly`/,
  ],
  ["a.example: { certificateOnly: off }", /does nothing, wanted one of .*certificateOnly/],
  [
    '"*.a.example": { certificateOnly: true }',
    /certificateOnly: has no names to certify under "\*\.a\.example", wanted names one by one/,
  ],
  [
    "a.example: { passThrough: 127.0.0.1:1, onCertificate: [reload] }",
    /onCertificate: does not go with `passThrough`: nothing is ordered for this host/,
  ],
];

for (const [entry, says] of hooks) {
  test(`${entry} ${says === undefined ? "is read" : "is a fault"}`, () => {
    const found = faultsOf(`hosts:\n  ${entry}\n`).map(formatFault);
    assert.equal(found.length, says === undefined ? 0 : 1, found.join("\n"));
    if (says !== undefined) assert.match(found[0] ?? "", says);
  });
}

test("a worker knows neither where alerts go nor what is run for them", () => {
  const hosts = "hosts: { a.example: { to: 3001, onCertificate: [reload] } }";
  const text = `alerts: { webhook: env:HOOK, exec: [page] }\n${hosts}`;
  const config = configOf(text, FILE, { HOOK });
  assert.deepEqual(config.hosts[0]?.onCertificate, ["reload"]);
  const bare = withoutSecrets(config);
  assert.deepEqual([bare.alerts.webhook, bare.alerts.exec], [undefined, undefined]);
  assert.ok(!JSON.stringify(bare).includes("T0KEN") && !JSON.stringify(bare).includes("reload"));
});
