import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { test } from "node:test";
import { createKey } from "../../src/acme/keys.ts";
import { thumbprintOf } from "../../src/acme/thumbprint.ts";

test("the thumbprint of the RSA key in RFC 7638 §3.1 is the one printed there", () => {
  const n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
  const key = createPublicKey({ key: { kty: "RSA", n, e: "AQAB" }, format: "jwk" });
  const pem = key.export({ type: "spki", format: "pem" }).toString();
  assert.equal(thumbprintOf(pem), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
});

test("the thumbprint of a private key is that of its public half", async () => {
  const key = await createKey("ecdsa-p256");
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  assert.equal(thumbprintOf(key), thumbprintOf(publicKey));
});
