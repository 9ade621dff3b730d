import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createCsr } from "../../src/acme/csr.ts";
import { createKey } from "../../src/acme/keys.ts";

const NAMES = ["store.shop.example", "xn--bcher-kva.example", "*.shop.example"];

const cases = [
  { type: "ecdsa-p256", algorithm: "ecdsa-with-SHA256" },
  { type: "ecdsa-p384", algorithm: "ecdsa-with-SHA384" },
  { type: "rsa-2048", algorithm: "sha256WithRSAEncryption" },
] as const;

for (const { type, algorithm } of cases) {
  test(`a CSR with a key of type ${type} holds the names in order and is verified by OpenSSL`, async () => {
    const csr = createCsr(NAMES, await createKey(type));
    const text = describe(csr);
    assert.match(text, new RegExp(`Signature Algorithm: ${algorithm}`));
    assert.match(
      text,
      /DNS:store\.shop\.example, DNS:xn--bcher-kva\.example, DNS:\*\.shop\.example\n/,
    );
    assert.match(text, /Subject: *\n/);
  });
}

test("a CSR for a name longer than a common name may be is verified by OpenSSL", async () => {
  const name = `${"a".repeat(63)}.${"b".repeat(63)}.example`;
  assert.ok(describe(createCsr([name], await createKey("ecdsa-p256"))).includes(`DNS:${name}\n`));
});

test("a CSR with another kind of key is refused", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  assert.throws(() => createCsr(NAMES, pem), TypeError);
});

/** What `openssl req` says of a CSR; throws when its signature does not verify. */
function describe(csr: Buffer): string {
  const options = ["req", "-inform", "DER", "-verify", "-noout", "-text"];
  return execFileSync("openssl", options, {
    input: csr,
    stdio: ["pipe", "pipe", "pipe"],
  }).toString();
}
