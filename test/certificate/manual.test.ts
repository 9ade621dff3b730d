import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { recordOfGiven } from "../../src/certificate/flaw.ts";
import { readGiven } from "../../src/certificate/manual.ts";
import { issuedElsewhere, makeAuthority, makeCertificate } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

const NOW = Date.parse("2026-11-25T10:00:00Z");
const DAY = 86_400_000;
const dates = { notBefore: NOW - DAY, notAfter: NOW + DAY };
const ca = makeAuthority();
const [inner, other] = [makeAuthority({ name: "Inner", parent: ca }), makeAuthority()];
const pair = makeCertificate({ names: ["*.shop.example"], issuer: inner, ...dates });
const stranger = makeCertificate({ names: ["*.shop.example"], ...dates });

const protection = { cipher: "aes-256-cbc", passphrase: "secret", format: "pem" } as const;
const secret = createPrivateKey(pair.key);
const encrypted = secret.export({ type: "pkcs8", ...protection }).toString();
const encryptedOld = secret.export({ type: "sec1", ...protection }).toString();

const [short, uncommonKey] = [
  generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey,
  generateKeyPairSync("ed25519").privateKey,
];
const weak = makeCertificate({ names: ["*.shop.example"], key: short });
const uncommon = makeCertificate({ names: ["*.shop.example"], key: uncommonKey, issuer: ca });
const belowWeak = makeCertificate({
  names: ["*.shop.example"],
  key: generateKeyPairSync("rsa", { modulusLength: 2_048 }).privateKey,
  issuer: makeAuthority({ name: "Short", parent: ca, key: short }),
});

const cut = makeCertificate({
  names: ["*.shop.example"],
  issuer: { ...inner, path: "" },
  extensions: [issuedElsewhere],
});

test("hosts that share their files have a row each, and each is judged by its own name", async () => {
  await using folder = await temporaryFolder();
  for (const [name, text] of [
    ["shared.pem", pair.chain],
    ["shared.key", pair.key],
    ["broken.pem", "no certificate"],
  ] as const)
    writeFileSync(join(folder.path, name), text);
  const text = `hosts:
  a.shop.example: { respond: a, certificate: { chain: shared.pem, key: shared.key } }
  b.shop.example, shop.example: { respond: b, certificate: { chain: shared.pem, key: shared.key } }
  c.shop.example: { respond: c, certificate: { chain: broken.pem, key: shared.key } }
  d.shop.example: { respond: d, certificate: { chain: broken.pem, key: shared.key } }
  e.shop.example: { respond: e }`;
  const given = await readGiven(configOf(text, join(folder.path, "latchkey.yaml")), NOW);
  const rows = [...given.values()].map((each) => recordOfGiven(each, NOW));
  const until = "2026-11-26T10:00:00.000Z";
  assert.deepEqual(
    rows.map((row) => [row.host, row.state, row.notAfter, row.lastError?.type]),
    [
      ["a.shop.example", "manual", until, undefined],
      ["b.shop.example", "manual", until, undefined],
      ["shop.example", "manual", until, "CERTIFICATE_MISNAMED"],
      ["c.shop.example", "failed", null, "CERTIFICATE_INVALID"],
      ["d.shop.example", "failed", null, "CERTIFICATE_INVALID"],
    ],
  );
  const [a, b, , c] = rows;
  assert.equal(a?.serial, b?.serial);
  assert.notEqual(a?.serial, null);
  assert.deepEqual([a?.lastError, c?.serial], [null, null]);
});

const files: readonly [what: string, chain: string, key: string, found: string][] = [
  ["a chain with its key", pair.chain, pair.key, "usable"],
  ["a key of another certificate", pair.chain, stranger.key, "key: the key does not belong"],
  ["noise in place of the chain", "noise\n", pair.key, "chain: the chain holds no PEM"],
  ["noise in place of the key", pair.chain, "noise\n", "key: the key cannot be read"],
  ["a key with a passphrase", pair.chain, encrypted, "key: the key has a passphrase"],
  ["an old key with a passphrase", pair.chain, encryptedOld, "key: the key has a passphrase"],
  ["a key that is too short", weak.chain, weak.key, "chain: OpenSSL refuses it (ee key too small)"],
  [
    "a right key below an issuer whose key is too short",
    belowWeak.chain,
    belowWeak.key,
    "chain: OpenSSL refuses it (ca key too small)",
  ],
  ["a certificate without the one that issued it", cut.chain, cut.key, "usable, and cut"],
  ["an uncommon key", uncommon.chain, uncommon.key, "usable"],
  ["empty files", "", "", "chain: the chain holds no PEM"],
  [
    "a chain that is cut",
    pair.chain.slice(0, 300),
    pair.key,
    "chain: the chain holds a PEM block that is cut",
  ],
  ["files that are swapped", pair.key, pair.chain, "chain: the chain holds a PEM block that"],
  ["a chain of another CA", stranger.chain + other.certificate, stranger.key, "chain: certificate"],
  [
    "a file without an end",
    "x".repeat(262_145),
    pair.key,
    "chain: the file is larger than 256 KiB",
  ],
];

for (const [what, chain, key, found] of files) {
  test(`${what} is ${found}`, async () => {
    await using folder = await temporaryFolder();
    writeFileSync(join(folder.path, "a.pem"), chain);
    writeFileSync(join(folder.path, "a.key"), key);
    const text = `hosts: { a.shop.example: { respond: a, certificate: { chain: a.pem, key: a.key } } }`;
    const given = await readGiven(configOf(text, join(folder.path, "latchkey.yaml")), NOW);
    const looked = given.get("a.shop.example")?.pair;
    const told =
      looked?.kind === "unusable"
        ? `${looked.part}: ${looked.why}`
        : `${looked?.kind}${looked?.isCut === true ? ", and cut" : ""}`;
    assert.equal(told.slice(0, found.length), found);
  });
}
