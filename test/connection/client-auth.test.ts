import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Facts } from "../../src/base/errors.ts";
import type { Host, TlsPolicy } from "../../src/config/config.ts";
import { Relay } from "../../src/http/relay.ts";
import {
  type CertificateOptions,
  makeAuthority,
  makeCertificate,
} from "../support/certificates.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { forwardTo, httpBackend, KeptLog } from "../support/relay-world.ts";
import { alertOf, sClient, wasResumed } from "../support/s-client.ts";
import {
  connectTls,
  type Door,
  hostname,
  makeCredential,
  makeHost,
  openDoor,
  received,
  storedCredentials,
} from "../support/tls-door.ts";

const DAY_MS = 86_400_000;
const clients = makeAuthority({ name: "Clients" });
const client = (options: Partial<CertificateOptions> = {}) => {
  const { chain, key } = makeCertificate({
    names: ["alice"],
    issuer: clients,
    purpose: "client",
    ...options,
  });
  return { cert: chain, key };
};
const alice = client();

const guarded = (mode: "require" | "request", minVersion: TlsPolicy["minVersion"] = "TLSv1.2") => ({
  minVersion,
  clientAuth: { ca: clients.certificate, mode },
});
const withPolicy = (host: string, tls: TlsPolicy): Host => ({ ...makeHost(host), tls });

function openGuarded(tls: TlsPolicy, sources = storedCredentials(makeCredential("a.example"))) {
  return openDoor({
    hosts: [withPolicy("a.example", tls)],
    sources,
    relay: ({ socket, identity }) => {
      socket.end(identity?.lines ?? "");
      socket.resume();
    },
  });
}

/** What the backend would be told of the client, or `undefined` when the client is not let in. */
async function told(door: Door, options: object): Promise<string | undefined> {
  try {
    const socket = await connectTls(door.port, "a.example", options);
    const text = (await received(socket)).toString();
    socket.destroy();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

const stranger = makeAuthority({ name: "Strangers" });
/** What is shown, and what the log says of it: a code of OpenSSL and words. */
const unaccepted: readonly [
  what: string,
  certificate: { cert: string; key: string },
  reason: string,
  words: string,
][] = [
  [
    "of another CA",
    client({ issuer: stranger }),
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "none of the CAs in clientAuth.ca has issued it, or the one in between is missing",
  ],
  [
    "of another CA with the same name",
    client({ issuer: makeAuthority({ name: "Clients" }) }),
    "CERT_SIGNATURE_FAILURE",
    "its signature is not of the CA that it names",
  ],
  [
    "signed by itself",
    (({ chain, key }) => ({ cert: chain, key }))(
      makeCertificate({ names: ["alice"], purpose: "client" }),
    ),
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "it is signed by itself, and not in clientAuth.ca",
  ],
  [
    "that has run out",
    client({ notBefore: Date.now() - 2 * DAY_MS, notAfter: Date.now() - DAY_MS }),
    "CERT_HAS_EXPIRED",
    "it has expired",
  ],
  [
    "that is not valid yet",
    client({ notBefore: Date.now() + DAY_MS }),
    "CERT_NOT_YET_VALID",
    "it is not valid yet",
  ],
  [
    "for servers",
    client({ purpose: "server" }),
    "INVALID_PURPOSE",
    "it is not for clients of TLS (extended key usage)",
  ],
];

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  for (const mode of ["require", "request"] as const) {
    for (const [what, certificate, reason, words] of unaccepted) {
      test(`${version}, ${mode}: a certificate ${what} lets nobody in, and the log says why`, async () => {
        await using door = await openGuarded(guarded(mode));
        const refusal = door.nextRefusal();
        assert.equal(await told(door, { ...certificate, maxVersion: version }), undefined);
        assert.deepEqual(await refusal, {
          host: "a.example",
          reason,
          code: "HANDSHAKE_FAILED",
          message: `Cannot finish the TLS handshake: the client's certificate is not accepted: ${words}`,
          client: "127.0.0.1",
        });
      });
    }

    test(`${version}, ${mode}: a good certificate is told to the backend`, async () => {
      await using door = await openGuarded(guarded(mode));
      const { raw, fingerprint256 } = new X509Certificate(alice.cert);
      assert.equal(
        await told(door, { ...alice, maxVersion: version }),
        `Client-Cert: :${raw.toString("base64")}:\r\nX-Client-Cert-Subject: CN=alice\r\n` +
          `X-Client-Cert-Fingerprint: ${fingerprint256.replaceAll(":", "").toLowerCase()}\r\n` +
          "X-Client-Cert-Verify: SUCCESS\r\n",
      );
    });
  }

  test(`${version}, request: without a certificate the backend is told so`, async () => {
    await using door = await openGuarded(guarded("request"));
    assert.equal(await told(door, { maxVersion: version }), "X-Client-Cert-Verify: NONE\r\n");
  });
}

test("a subject cannot break a line, and is in ASCII", async () => {
  await using door = await openGuarded(guarded("require"));
  const lines = await told(door, client({ names: ["é\r\nX-Evil: 1, O=Root"] }));
  const subject = lines?.split("\r\n").find((line) => line.startsWith("X-Client-Cert-Subject"));
  assert.equal(lines?.split("\r\n").length, 5);
  assert.match(subject ?? "", /^X-Client-Cert-Subject: CN=\\C3\\A9\\0D\\0AX-Evil: 1\\, O=Root$/);
});

for (const [version, alert] of [
  ["-tls1_2", 40],
  ["-tls1_3", 116],
] as const) {
  test(`${version}: who shows no certificate gets alert ${alert}, and the names of our CAs`, async () => {
    await using door = await openGuarded(guarded("require"));
    const refusal = door.nextRefusal();
    const printed = await sClient(door.port, version, "-servername", "a.example");
    assert.equal(alertOf(printed), alert);
    assert.deepEqual(await refusal, {
      host: "a.example",
      reason: "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
      code: "HANDSHAKE_FAILED",
      message: "Cannot finish the TLS handshake: peer did not return a certificate",
      client: "127.0.0.1",
    });
    assert.match(printed, /Acceptable client certificate CA names\s+CN = Clients/);
  });

  test(`T6: ${version}: no session of a host that asks for certificates is resumed`, async () => {
    await using door = await openGuarded(guarded("require"));
    const folder = await mkdtemp(join(tmpdir(), "latchkey-client-"));
    try {
      const [pem, session] = [join(folder, "client.pem"), join(folder, "session")];
      await writeFile(pem, alice.key + alice.cert);
      const args = [version, "-servername", "a.example", "-cert", pem, "-key", pem];
      await sClient(door.port, ...args, "-sess_out", session);
      const again = await sClient(door.port, ...args, "-sess_in", session);
      assert.equal(wasResumed(again), false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
}

test("another certificate of the host changes neither who is let in nor the least version", async () => {
  let current = makeCredential("a.example");
  const sources = { ...storedCredentials(current), load: async () => current };
  await using door = await openGuarded(guarded("require", "TLSv1.3"), sources);
  assert.match((await told(door, alice)) ?? "", /SUCCESS/);
  const before = current.serial;
  current = makeCredential("a.example");
  const news = { host: hostname("a.example"), issuance: 1, held: undefined };
  await door.steps.credentials.announced(news);
  const socket = await connectTls(door.port, "a.example", alice);
  assert.notEqual(socket.getPeerCertificate().serialNumber.toLowerCase(), before);
  socket.destroy();
  assert.match((await told(door, alice)) ?? "", /SUCCESS/);
  assert.equal(await told(door, client({ issuer: stranger })), undefined);
  assert.equal(alertOf(await sClient(door.port, "-servername", "a.example")), 116);
  assert.equal(alertOf(await sClient(door.port, "-tls1_2", "-servername", "a.example")), 70);
});

test("TLS 1.3 alone can be asked for without certificates", async () => {
  await using door = await openDoor({
    hosts: [withPolicy("a.example", { minVersion: "TLSv1.3", clientAuth: undefined })],
    sources: storedCredentials(makeCredential("a.example")),
  });
  assert.equal(alertOf(await sClient(door.port, "-tls1_2", "-servername", "a.example")), 70);
  const socket = await connectTls(door.port, "a.example", { maxVersion: "TLSv1.3" });
  assert.equal((await received(socket)).toString(), "hello from a.example");
});

/** A relay for the hosts of the door, which trusts every proxy. */
function relayOf(door: Door, access?: (facts: Facts) => void): Relay {
  return new Relay({
    names: systemNames(new KeptLog()),
    hosts: [],
    place: { index: 0, of: 1 },
    log: new KeptLog(),
    clock: systemClock,
    findRoute: (host) => door.steps.routes.find(host),
    isTrustedProxy: () => true,
    publicHttpsPort: 443,
    access,
  });
}

test("the backend is told of the certificate that was shown, and of no other, also by a trusted proxy", async () => {
  await using backend = await Recorder.start(answering(OK));
  const forward = forwardTo([httpBackend(backend.port)]);
  const door = await openDoor({
    hosts: [{ ...makeHost("a.example", forward), tls: guarded("require") }],
    sources: storedCredentials(makeCredential("a.example")),
    relay: (connection) => relay.serve(connection),
  });
  const relay = relayOf(door);
  try {
    const socket = await connectTls(door.port, "a.example", alice);
    socket.write(
      "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close, x-client-cert-subject\r\n" +
        "Client-Cert: :Zm9yZ2Vk:\r\nX-Client-Cert-Subject: CN=root\r\n\r\n",
    );
    assert.match((await received(socket)).toString(), /^HTTP\/1\.1 200 /);
    const { text } = await backend.connection(0);
    const lines = text.split("\r\n").filter((line) => /client-cert/i.test(line));
    const names = lines.map((line) => line.split(":")[0]);
    const tails = ["Subject", "Fingerprint", "Verify"].map((part) => `X-Client-Cert-${part}`);
    assert.deepEqual(names, ["Client-Cert", ...tails]);
    assert.equal(lines[1], "X-Client-Cert-Subject: CN=alice");
    socket.destroy();
  } finally {
    relay.close();
    await door[Symbol.asyncDispose]();
  }
});

for (const [what, certificate, told] of [
  ["the subject", alice, () => "CN=alice"],
  [
    "the fingerprint where the subject is too long",
    client({ names: ["a".repeat(3_000)] }),
    (cert: string) => new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase(),
  ],
  ["no certificate where none was shown", { cert: "", key: "" }, () => undefined],
] as const) {
  test(`the access log has ${what}`, async () => {
    const lines: Facts[] = [];
    const respond = { kind: "respond", status: 200, headers: {}, body: "" } as const;
    const door = await openDoor({
      hosts: [{ ...makeHost("a.example", respond), tls: guarded("request") }],
      sources: storedCredentials(makeCredential("a.example")),
      relay: (connection) => relay.serve(connection),
    });
    const relay = relayOf(door, (facts) => lines.push(facts));
    try {
      const socket = await connectTls(door.port, "a.example", certificate);
      socket.write("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
      assert.match((await received(socket)).toString(), /^HTTP\/1\.1 200 /);
      socket.destroy();
      assert.deepEqual(
        lines.map((line) => line["clientCertificate"]),
        [told(certificate.cert)],
      );
    } finally {
      relay.close();
      await door[Symbol.asyncDispose]();
    }
  });
}

test("a connection to a host that asks for no certificate reaches none that does, whatever Host says", async () => {
  const hosts = [
    makeHost("open.example", { kind: "respond", status: 200, headers: {}, body: "open" }),
    withPolicy("guarded.example", guarded("require")),
    withPolicy("*.example", guarded("require")),
  ];
  const door = await openDoor({
    hosts,
    sources: storedCredentials(makeCredential("open.example", "guarded.example", "*.example")),
    relay: (connection) => relay.serve(connection),
  });
  const relay = relayOf(door);
  try {
    for (const [host, status] of [
      ["open.example", 200],
      ["guarded.example", 421],
      ["b.example", 421],
    ] as const) {
      const socket = await connectTls(door.port, "open.example");
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      assert.match((await received(socket)).toString(), new RegExp(`^HTTP/1\\.1 ${status} `));
      socket.destroy();
    }
  } finally {
    relay.close();
    await door[Symbol.asyncDispose]();
  }
});
