import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bitString, sequence } from "../../src/acme/der.ts";
import { extension } from "../../src/acme/extension.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { faultsOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

const root = makeAuthority({ name: "Clients" });
const intermediate = makeAuthority({ name: "Staff", parent: root });
const leafOf = (issuer?: typeof root, ...extensions: ReturnType<typeof extension>[]) =>
  makeCertificate({ names: ["alice"], purpose: "client", extensions, ...(issuer && { issuer }) });
const noCa = extension("2.5.29.19", true, sequence());
/** keyUsage, RFC 5280 §4.2.1.3: digitalSignature, keyCertSign. */
const signs = extension("2.5.29.15", true, bitString(Buffer.of(0x80), 7));
const certifies = extension("2.5.29.15", true, bitString(Buffer.of(0x04), 2));

/** Made by `openssl x509 -req -signkey`: self-signed, without extensions. */
const VERSION_ONE = `-----BEGIN CERTIFICATE-----
MIIBIjCByQIUdA1tD3PUUmKpWLy6qKQZs8c+7ZAwCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyNjA4MzQ1MFoXDTI2MTIxNjA4MzQ1MFow
FDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
oNIX7zKnQglMAAvCjWrzzQo2epuUX60L1qbOO76brQ3uHL9/r52DE8EfZMdQAlFg
kHQ2oKGpG+wfuuf/CRgs7TAKBggqhkjOPQQDAgNIADBFAiAXe3XG3LiQsLYeVb+T
D0GTWUuf54BPXYqvly6rMC1a0gIhAJfuWFTcGNfHnvP0q3iw1GWn86Ws/O9dHJZ9
OKXR4gfK
-----END CERTIFICATE-----
`;

const NO_CA =
  /^holds "CN=alice", which is not a CA \(basicConstraints, keyUsage\), wanted the CAs that issue the certificates of clients$/;
const NO_ROOT =
  /^lacks the CA "CN=Clients", which issued "CN=Staff", wanted all up to the root in the file$/;

const faulty = [
  ["a leaf that says it is no CA", leafOf(root, noCa).chain, NO_CA],
  ["a leaf that says nothing", leafOf(root).chain, NO_CA],
  ["a self-signed leaf", leafOf(undefined, noCa).chain, NO_CA],
  ["a key that may only sign", leafOf(undefined, signs).chain, NO_CA],
  ["a leaf beside its CA", root.certificate + leafOf(root).chain, NO_CA],
  ["an intermediate without its root", intermediate.certificate, NO_ROOT],
] as const;

for (const [name, pem, says] of faulty) {
  test(`clientAuth.ca with ${name} is a fault`, async () => {
    const [fault, ...others] = await faultsWith(pem);
    assert.equal(fault?.path, 'hosts["a.internal"].clientAuth.ca');
    assert.match(fault?.message ?? "", says);
    assert.deepEqual(others, []);
  });
}

for (const [name, pem] of [
  ["a root", root.certificate],
  ["an intermediate and its root", intermediate.certificate + root.certificate],
  ["keyCertSign without basicConstraints, as OpenSSL has it", leafOf(undefined, certifies).chain],
  ["a root of X.509 version 1, as OpenSSL has it", VERSION_ONE],
] as const) {
  test(`clientAuth.ca with ${name} is read`, async () => {
    assert.deepEqual(await faultsWith(pem), []);
  });
}

async function faultsWith(pem: string) {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, "clients.pem"), pem);
  const text = "hosts: { a.internal: { to: 3001, clientAuth: { ca: clients.pem } } }";
  return faultsOf(text, join(folder.path, "latchkey.yaml"));
}
