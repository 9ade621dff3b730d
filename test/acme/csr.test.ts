import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { test } from "node:test";
import { createCsr } from "../../src/acme/csr.ts";
import { contentOf, itemsOf, readDer, toDer } from "../../src/acme/der.ts";
import { createKey } from "../../src/acme/keys.ts";
import { without } from "../support/programs.ts";

const NAMES = ["store.shop.example", "xn--bcher-kva.example", "*.shop.example"];

const cases = [
  { type: "ecdsa-p256", algorithm: "ecdsa-with-SHA256" },
  { type: "ecdsa-p384", algorithm: "ecdsa-with-SHA384" },
  { type: "rsa-2048", algorithm: "sha256WithRSAEncryption" },
] as const;

for (const { type, algorithm } of cases) {
  test(`a CSR with a key of type ${type} holds the names in order and is verified by OpenSSL`, {
    skip: without("openssl"),
  }, async () => {
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

test("a CSR is signed by the key that it is for, over an empty subject", async () => {
  const key = await createKey("ecdsa-p256");
  const [content, , signature] = itemsOf(readDer(createCsr(NAMES, key)));
  const [version, subject, publicKey] = itemsOf(content!);
  assert.deepEqual(contentOf(version!), Buffer.of(0));
  assert.deepEqual(itemsOf(subject!), []);
  assert.deepEqual(toDer(publicKey!), createPublicKey(key).export({ type: "spki", format: "der" }));
  const bytes = contentOf(signature!).subarray(1);
  assert.ok(verify("sha256", toDer(content!), createPublicKey(key), bytes));
});

const long = "a CSR for a name longer than a common name may be is verified by OpenSSL";
test(long, { skip: without("openssl") }, async () => {
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
  const args = ["req", "-inform", "DER", "-verify", "-noout", "-text"];
  return execFileSync("openssl", args, { input: csr, stdio: ["pipe", "pipe", "pipe"] }).toString();
}
