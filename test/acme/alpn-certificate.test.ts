import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { createAlpnCertificate } from "../../src/acme/alpn-certificate.ts";
import { contentOf, itemsOf, oidOf, readDer } from "../../src/acme/der.ts";
import { type Hostname, parseHostname } from "../../src/base/hostname.ts";
import { without } from "../support/programs.ts";

const KEY_AUTHORIZATION = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.thumbprint";
const NOW = Date.parse("2026-11-23T12:00:00Z");
const clock = { now: () => NOW, sleep: () => Promise.resolve() };

const host = hostname("store.shop.example");

test("a tls-alpn-01 certificate signs itself, and its key belongs to it", async () => {
  const { chain, key } = await createAlpnCertificate(host, KEY_AUTHORIZATION, clock);
  const certificate = new X509Certificate(chain);
  assert.equal(certificate.subject, certificate.issuer);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)));
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("a tls-alpn-01 certificate is good since yesterday and for days", async () => {
  const { chain } = await createAlpnCertificate(host, KEY_AUTHORIZATION, clock);
  const { validFromDate, validToDate } = new X509Certificate(chain);
  assert.equal(validFromDate.toISOString(), "2026-11-22T12:00:00.000Z");
  assert.equal(validToDate.toISOString(), "2026-11-29T12:00:00.000Z");
});

test("a tls-alpn-01 certificate holds each extension once, as RFC 8737 has them", async () => {
  const { chain } = await createAlpnCertificate(host, KEY_AUTHORIZATION, clock);
  const digest = createHash("sha256").update(KEY_AUTHORIZATION).digest("hex");
  assert.deepEqual(extensionsOf(chain), [
    { id: "2.5.29.15", critical: true, value: "03020780" },
    {
      id: "2.5.29.17",
      critical: false,
      value: `301482${host.length.toString(16)}${Buffer.from(host).toString("hex")}`,
    },
    { id: "1.3.6.1.5.5.7.1.31", critical: true, value: `0420${digest}` },
  ]);
});

const long = "OpenSSL reads a tls-alpn-01 certificate for a name of 253 characters";
test(long, { skip: without("openssl") }, async () => {
  const name = hostname(
    `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(53)}.example`,
  );
  const { chain } = await createAlpnCertificate(name, KEY_AUTHORIZATION);
  const text = execFileSync("openssl", ["x509", "-noout", "-text"], { input: chain }).toString();
  assert.match(text, new RegExp(`DNS:${name}\n`));
  assert.match(text, /1\.3\.6\.1\.5\.5\.7\.1\.31: critical/);
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a validator shakes hands with a tls-alpn-01 certificate over ${version}`, async (t) => {
    const { chain, key } = await createAlpnCertificate(host, KEY_AUTHORIZATION);
    const server = tls.createServer({ cert: chain, key, ALPNProtocols: ["acme-tls/1"] });
    server.on("secureConnection", (socket) => socket.on("error", () => {}).end());
    server.listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const socket = tls.connect({
      host: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
      servername: host,
      // As validators do: OpenSSL knows no acmeIdentifier, and unknown critical extensions are not trusted.
      rejectUnauthorized: false,
      ALPNProtocols: ["acme-tls/1"],
      minVersion: version,
      maxVersion: version,
    });
    t.after(() => socket.destroy());
    await once(socket, "secureConnect");
    assert.equal(
      socket.getPeerX509Certificate()?.toString(),
      new X509Certificate(chain).toString(),
    );
    assert.equal(socket.alpnProtocol, "acme-tls/1");
    assert.equal(socket.getProtocol(), version);
  });
}

function hostname(text: string): Hostname {
  const parsed = parseHostname(text);
  assert.ok(parsed);
  return parsed;
}

function extensionsOf(pem: string) {
  const [content] = itemsOf(readDer(new X509Certificate(pem).raw));
  const [extensions] = itemsOf(itemsOf(content!).at(-1)!);
  return itemsOf(extensions!).map((item) => {
    const parts = itemsOf(item);
    const [id] = parts;
    return {
      id: oidOf(id!),
      critical: parts.length === 3,
      value: contentOf(parts.at(-1)!).toString("hex"),
    };
  });
}
