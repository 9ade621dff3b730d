import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { test } from "node:test";
import { certIdOf } from "../../src/acme/cert-id.ts";
import {
  contextConstructed,
  contextPrimitive,
  integer,
  sequence,
  time,
  toDer,
} from "../../src/acme/der.ts";
import { extension } from "../../src/acme/extension.ts";
import { createKey } from "../../src/acme/keys.ts";
import { publicKeyInfo, signatureAlgorithm, signed } from "../../src/acme/signed.ts";

/** RFC 9773 appendix A. */
const RFC_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

test("the CertID of the certificate in RFC 9773 is the one printed there", () => {
  assert.equal(certIdOf(RFC_CERTIFICATE), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
});

test("the CertID of a chain is that of its first certificate", async () => {
  const chain = `${RFC_CERTIFICATE}${await certificate({ serial: "01", keyIdentifier: "ff" })}`;
  assert.equal(certIdOf(chain), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
});

const serials = [
  { serial: "7f", text: "fw" },
  { serial: "80", text: "AIA" },
  { serial: "0102", text: "AQI" },
];

for (const { serial, text } of serials) {
  test(`serial ${serial} is written as its DER integer in a CertID`, async () => {
    assert.equal(certIdOf(await certificate({ serial, keyIdentifier: "0a0b" })), `Cgs.${text}`);
  });
}

test("a certificate without a key identifier of its issuer has no CertID", async () => {
  assert.equal(certIdOf(await certificate({ serial: "01", keyIdentifier: undefined })), undefined);
});

test("what is not a certificate has no CertID", () => {
  assert.equal(
    certIdOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    undefined,
  );
  assert.equal(certIdOf(""), undefined);
});

interface Fields {
  readonly serial: string;
  readonly keyIdentifier: string | undefined;
}

async function certificate({ serial, keyIdentifier }: Fields): Promise<string> {
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const extensions =
    keyIdentifier === undefined
      ? extension("2.5.29.19", true, sequence())
      : extension(
          "2.5.29.35",
          false,
          sequence(contextPrimitive(0, Buffer.from(keyIdentifier, "hex"))),
        );
  const content = sequence(
    contextConstructed(0, integer(Buffer.of(2))),
    integer(Buffer.from(serial, "hex")),
    signatureAlgorithm(key),
    sequence(),
    sequence(time(0), time(0)),
    sequence(),
    publicKeyInfo(key),
    contextConstructed(3, sequence(extensions)),
  );
  const base64 = toDer(signed(content, key)).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}
