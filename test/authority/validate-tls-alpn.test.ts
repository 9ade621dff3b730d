import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { createAlpnCertificate } from "../../src/acme/alpn-certificate.ts";
import { contextPrimitive, type Der, octetString, sequence } from "../../src/acme/der.ts";
import { extension, subjectAltName } from "../../src/acme/extension.ts";
import { challengeFault } from "../../src/authority/challenge-certificate.ts";
import { validate } from "../../src/authority/validate.ts";
import { validateTlsAlpn } from "../../src/authority/validate-tls-alpn.ts";
import { parsePlain } from "../../src/base/hostname.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { respondHttp, respondTls, type Shown } from "../support/challenge-responder.ts";
import { deadPort } from "../support/dead-port.ts";

const host = parsePlain("shop.test")!;
const token = "t".repeat(32);
const keyAuthorization = `${token}.${"k".repeat(43)}`;
const proof = { host, token, keyAuthorization };
const digest = createHash("sha256").update(keyAuthorization).digest();
const identifier = (content: Uint8Array = digest, critical = true): Der =>
  extension("1.3.6.1.5.5.7.1.31", critical, octetString(content));

test("the program's own challenge certificate proves the name", async () => {
  const shown = await createAlpnCertificate(host, keyAuthorization);
  const names: string[] = [];
  await using responder = await respondTls((name) => {
    names.push(name);
    return shown;
  });
  const signal = AbortSignal.timeout(5_000);
  assert.equal(await validateTlsAlpn(responder.listener, proof, signal), undefined);
  assert.deepEqual(names, ["shop.test"]);
});

const names = ["shop.test"];
const authority = makeAuthority();
/** Certificates with one fault each, but for the first. */
const certificates: readonly { what: string; shown: Shown; problem: string | undefined }[] = [
  {
    what: "without a fault",
    shown: makeCertificate({ names, extensions: [identifier()] }),
    problem: undefined,
  },
  {
    what: "for another name",
    shown: makeCertificate({ names: ["other.test"], extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "for a second name too",
    shown: makeCertificate({ names: ["shop.test", "b.test"], extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "with the name in capitals",
    shown: makeCertificate({ names: ["SHOP.test"], extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "with a dot after the name",
    shown: makeCertificate({ names: ["shop.test."], extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "without names",
    shown: makeCertificate({ names: [], extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "with an address beside the name",
    shown: makeCertificate({
      names: [],
      extensions: [
        extension(
          "2.5.29.17",
          false,
          sequence(
            contextPrimitive(2, Buffer.from(host)),
            contextPrimitive(7, Buffer.of(127, 0, 0, 1)),
          ),
        ),
        identifier(),
      ],
    }),
    problem: "incorrectResponse",
  },
  {
    what: "without acmeIdentifier",
    shown: makeCertificate({ names }),
    problem: "incorrectResponse",
  },
  {
    what: "with an acmeIdentifier that is not critical",
    shown: makeCertificate({ names, extensions: [identifier(digest, false)] }),
    problem: "incorrectResponse",
  },
  {
    what: "with another digest",
    shown: makeCertificate({ names, extensions: [identifier(Buffer.alloc(32))] }),
    problem: "incorrectResponse",
  },
  {
    what: "with a digest cut off",
    shown: makeCertificate({ names, extensions: [identifier(digest.subarray(0, 31))] }),
    problem: "incorrectResponse",
  },
  {
    what: "with the acmeIdentifier twice",
    shown: makeCertificate({ names, extensions: [identifier(), identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "with the names twice",
    shown: makeCertificate({ names, extensions: [subjectAltName(names), identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "issued by a CA",
    shown: makeCertificate({ names, issuer: authority, extensions: [identifier()] }),
    problem: "incorrectResponse",
  },
  {
    what: "issued by a CA of the same name",
    shown: makeCertificate({
      names,
      issuer: { ...authority, name: "shop.test" },
      extensions: [identifier()],
    }),
    problem: "incorrectResponse",
  },
];

for (const { what, shown, problem } of certificates) {
  test(`a certificate ${what} ${problem === undefined ? "proves the name" : `is: ${problem}`}`, async () => {
    await using responder = await respondTls(() => shown);
    const found = await validateTlsAlpn(responder.listener, proof, AbortSignal.timeout(5_000));
    assert.equal(found?.type, problem && `urn:ietf:params:acme:error:${problem}`);
    assert.ok(!JSON.stringify(found ?? "").includes(token), "tells no secret");
  });
}

/** Servers with the right certificate that do not agree to acme-tls/1. */
const servers = [
  { what: "knows no ALPN", protocols: [], problem: "tls" },
  { what: "agrees to other protocols only", protocols: ["http/1.1"], problem: "tls" },
];

for (const { what, protocols, problem } of servers) {
  test(`a server that ${what} is: ${problem}`, async () => {
    const shown = await createAlpnCertificate(host, keyAuthorization);
    await using responder = await respondTls(() => shown, protocols);
    const found = await validateTlsAlpn(responder.listener, proof, AbortSignal.timeout(5_000));
    assert.equal(found?.type, `urn:ietf:params:acme:error:${problem}`);
  });
}

test("a server that ends the handshake, or does not speak TLS, is a tls problem", async () => {
  await using refusing = await respondTls(() => undefined);
  await using plain = await respondHttp((_, response) => response.end());
  for (const { listener } of [refusing, plain]) {
    const found = await validateTlsAlpn(listener, proof, AbortSignal.timeout(5_000));
    assert.equal(found?.type, "urn:ietf:params:acme:error:tls");
  }
});

test("a server that says nothing is given up at the deadline, its connection closed", async () => {
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => {
    socket.on("error", () => {});
    accepted.resolve(socket.resume());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const listener = { host: "127.0.0.1", port };
  const found = await validateTlsAlpn(listener, proof, AbortSignal.timeout(100));
  assert.equal(found?.type, "urn:ietf:params:acme:error:connection");
  const socket = await accepted.promise;
  if (!socket.destroyed) await once(socket, "close");
  server.close();
});

test("a port where nobody listens is a connection problem", async () => {
  const listener = { host: "127.0.0.1", port: await deadPort() };
  const found = await validateTlsAlpn(listener, proof, AbortSignal.timeout(5_000));
  assert.equal(found?.type, "urn:ietf:params:acme:error:connection");
});

test("one listener of several that proves the name is enough", async () => {
  const shown = await createAlpnCertificate(host, keyAuthorization);
  await using wrong = await respondTls(() => makeCertificate({ names }));
  await using right = await respondTls(() => shown);
  const reach = { http: [], https: [wrong.listener, right.listener] };
  const signal = AbortSignal.timeout(5_000);
  assert.equal(await validate("tls-alpn-01", proof, reach, signal), undefined);
});

test("of several failures the one that tells most is reported", async () => {
  const nowhere = { host: "127.0.0.1", port: 1 };
  await using wrong = await respondHttp((_, response) => response.end("no"));
  const http = [nowhere, wrong.listener, nowhere];
  const found = await validate("http-01", proof, { http, https: [] }, AbortSignal.timeout(5_000));
  assert.equal(found?.type, "urn:ietf:params:acme:error:incorrectResponse");
  const none = await validate(
    "http-01",
    proof,
    { http: [], https: [] },
    AbortSignal.timeout(5_000),
  );
  assert.equal(none?.type, "urn:ietf:params:acme:error:connection");
});

test("a certificate with any bytes changed is a fault or no certificate, and never proves the name", async () => {
  const { chain } = await createAlpnCertificate(host, keyAuthorization);
  const good = new X509Certificate(chain);
  assert.equal(challengeFault(good, proof), undefined);
  const change = fc.tuple(fc.nat(good.raw.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const der = Buffer.from(good.raw);
      for (const [at, value] of changes) der.writeUInt8(value, at);
      const certificate = parse(der);
      if (certificate === undefined || der.equals(good.raw)) return;
      assert.notEqual(challengeFault(certificate, proof), undefined);
    }),
    { numRuns: 3_000, seed: 8_737 },
  );
});

function parse(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}
