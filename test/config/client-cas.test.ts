import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import { bitString, sequence } from "../../src/acme/der.ts";
import { extension } from "../../src/acme/extension.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { faultsOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";
import { portOf } from "../support/recorder.ts";

const root = makeAuthority({ name: "Clients" });
const intermediate = makeAuthority({ name: "Staff", parent: root });
const leafOf = (issuer?: typeof root, ...extensions: ReturnType<typeof extension>[]) =>
  makeCertificate({ names: ["alice"], purpose: "client", extensions, ...(issuer && { issuer }) });
const noCa = extension("2.5.29.19", true, sequence());
/** keyUsage, RFC 5280 §4.2.1.3: digitalSignature, keyCertSign. */
const signs = extension("2.5.29.15", true, bitString(Buffer.of(0x80), 7));
const certifies = extension("2.5.29.15", true, bitString(Buffer.of(0x04), 2));

const serverLeaf = makeCertificate({ names: ["alice"], extensions: [noCa] });
const namesake = leafOf(makeAuthority({ name: "alice" }));

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
  /^holds "CN=alice", which is not a CA \(basicConstraints, keyUsage\), wanted the CAs that issue the certificates of clients, or such a certificate that signs itself$/;
const NO_ROOT =
  /^lacks the CA "CN=Clients", which issued "CN=Staff", wanted all up to the root in the file$/;

const faulty = [
  ["a leaf that says it is no CA", leafOf(root, noCa).chain, NO_CA],
  ["a leaf that says nothing", leafOf(root).chain, NO_CA],
  ["a self-signed leaf of a server", serverLeaf.chain, NO_CA],
  ["a leaf whose name is its issuer's", namesake.chain, NO_CA],
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

for (const [name, pinned] of [
  ["no CA", leafOf(undefined, noCa)],
  ["nothing else", leafOf()],
  ["a key that may only sign", leafOf(undefined, noCa, signs)],
] as const) {
  test(`a pinned self-signed certificate of a client that says ${name} is read, and let in by OpenSSL`, async () => {
    assert.deepEqual(await faultsWith(pinned.chain), []);
    assert.deepEqual(await faultsWith(root.certificate + pinned.chain), []);
    assert.equal(await isLetIn(pinned, pinned.chain), true);
  });
}

test("a self-signed certificate of a server is let in by OpenSSL for no client", async () => {
  assert.equal(await isLetIn(serverLeaf, serverLeaf.chain), false);
});

/** Is a client with this pair authorized by a server that trusts `ca`? */
async function isLetIn(pair: typeof serverLeaf, ca: string): Promise<boolean> {
  const asked = { requestCert: true, rejectUnauthorized: false };
  const server = createServer({ cert: serverLeaf.chain, key: serverLeaf.key, ca, ...asked });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const client = connect({ port, cert: pair.chain, key: pair.key, rejectUnauthorized: false });
  const [socket]: TLSSocket[] = await once(server, "secureConnection");
  socket?.destroy();
  client.destroy();
  server.close();
  return socket?.authorized === true;
}

async function faultsWith(pem: string) {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, "clients.pem"), pem);
  const text = "hosts: { a.internal: { to: 3001, clientAuth: { ca: clients.pem } } }";
  return faultsOf(text, join(folder.path, "latchkey.yaml"));
}
