import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { createKey } from "../../src/acme/keys.ts";

const cases = [
  { type: "ecdsa-p256", kind: "ec", detail: { namedCurve: "prime256v1" } },
  { type: "ecdsa-p384", kind: "ec", detail: { namedCurve: "secp384r1" } },
  { type: "rsa-2048", kind: "rsa", detail: { modulusLength: 2_048, publicExponent: 65_537n } },
] as const;

for (const { type, kind, detail } of cases) {
  test(`a key of type ${type} is PKCS #8 and of that kind`, async () => {
    const pem = await createKey(type);
    assert.match(pem, /^-----BEGIN PRIVATE KEY-----\n/);
    const key = createPrivateKey(pem);
    assert.equal(key.asymmetricKeyType, kind);
    assert.deepEqual({ ...key.asymmetricKeyDetails }, detail);
  });
}

test("two keys differ", async () => {
  assert.notEqual(await createKey("ecdsa-p256"), await createKey("ecdsa-p256"));
});
