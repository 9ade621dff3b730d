import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { manualRecords } from "../../src/certificate/manual.ts";
import { makeCertificate } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

const NOW = Date.parse("2026-11-25T10:00:00Z");
const pair = makeCertificate({ names: ["*.shop.example"], notAfter: NOW + 86_400_000 });

test("hosts that share their files have a row each, and those with broken ones say what is wrong", async () => {
  await using folder = await temporaryFolder();
  for (const [name, text] of [
    ["shared.pem", pair.chain],
    ["shared.key", pair.key],
    ["broken.pem", "no certificate"],
  ] as const)
    writeFileSync(join(folder.path, name), text);
  const text = `hosts:
  a.shop.example: { respond: a, certificate: { chain: shared.pem, key: shared.key } }
  b.shop.example: { respond: b, certificate: { chain: shared.pem, key: shared.key } }
  c.shop.example: { respond: c, certificate: { chain: broken.pem, key: shared.key } }
  d.shop.example: { respond: d, certificate: { chain: broken.pem, key: shared.key } }
  e.shop.example: { respond: e }`;
  const records = await manualRecords(configOf(text, join(folder.path, "latchkey.yaml")), NOW);
  const rows = [...records.values()].map((row) => [row.host, row.notAfter, row.lastError?.type]);
  const lastsUntil = "2026-11-26T10:00:00.000Z";
  assert.deepEqual(rows, [
    ["a.shop.example", lastsUntil, undefined],
    ["b.shop.example", lastsUntil, undefined],
    ["c.shop.example", null, "CERTIFICATE_INVALID"],
    ["d.shop.example", null, "CERTIFICATE_INVALID"],
  ]);
  const [a, b, c, d] = [...records.values()].map(({ serial, state }) => ({ serial, state }));
  assert.deepEqual([a, c], [b, d]);
  assert.equal(c?.state, "failed");
  assert.notEqual(a?.serial, null);
});
