import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import type { Backend } from "../../src/config/destination.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { RawClient } from "../support/raw-client.ts";
import { portOf } from "../support/recorder.ts";
import { forwardTo, get, httpsBackendOf, RelayWorld } from "../support/relay-world.ts";

const authority = makeAuthority();
const intermediate = makeAuthority({ name: "Intermediate", parent: authority });
const DAY_MS = 86_400_000;
const certificates = {
  good: makeCertificate({ names: ["backend.example"], issuer: authority }),
  expired: makeCertificate({
    names: ["backend.example"],
    issuer: authority,
    notBefore: Date.now() - 3 * DAY_MS,
    notAfter: Date.now() - DAY_MS,
  }),
  selfSigned: makeCertificate({ names: ["backend.example"] }),
  issued: makeCertificate({ names: ["backend.example"], issuer: intermediate }),
};

/** Two requests through a relay to a TLS backend with this certificate; their statuses, and what the backend saw. */
async function through(
  certificate: { readonly chain: string; readonly key: string },
  changes: Partial<Extract<Backend, { kind: "https" }>>,
) {
  const seen: { readonly name: string | false | null | undefined; readonly isReused: boolean }[] =
    [];
  const respond = (_request: IncomingMessage, response: ServerResponse) => {
    response.end("ok");
  };
  const server = createTlsServer({ cert: certificate.chain, key: certificate.key }, respond);
  server.on("secureConnection", (socket: TLSSocket) => {
    seen.push({ name: socket.servername, isReused: socket.isSessionReused() });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const backend = httpsBackendOf(portOf(server), authority.certificate, changes);
  try {
    await using world = await RelayWorld.start({ action: forwardTo([backend]) });
    using client = await RawClient.connect(world.port);
    for (const count of [1, 2]) {
      client.say(get());
      await client.until(({ statuses }) => statuses.length === count);
    }
    return { statuses: client.statuses, seen };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const rows = [
  { name: "the right name and root", certificate: certificates.good, changes: {}, expect: 200 },
  {
    name: "another name",
    certificate: certificates.good,
    changes: { serverName: "other.example" },
    expect: 502,
  },
  { name: "an expired certificate", certificate: certificates.expired, changes: {}, expect: 502 },
  {
    name: "a self-signed certificate",
    certificate: certificates.selfSigned,
    changes: {},
    expect: 502,
  },
  {
    name: "a root that only the machine could know",
    certificate: certificates.good,
    changes: { ca: undefined },
    expect: 502,
  },
  {
    name: "a self-signed certificate that is trusted itself",
    certificate: certificates.selfSigned,
    changes: { ca: certificates.selfSigned.chain },
    expect: 200,
  },
  {
    name: "an intermediate that is trusted without its root",
    certificate: certificates.issued,
    changes: { ca: intermediate.certificate },
    expect: 200,
  },
  {
    name: "a certificate that is trusted without its root",
    certificate: certificates.good,
    changes: { ca: certificates.good.chain },
    expect: 200,
  },
  {
    name: "a root, where only an intermediate below it is trusted",
    certificate: certificates.good,
    changes: { ca: intermediate.certificate },
    expect: 502,
  },
  {
    name: "a self-signed certificate, unverified as configured",
    certificate: certificates.selfSigned,
    changes: { verify: false, ca: undefined },
    expect: 200,
  },
  {
    name: "another name, unverified as configured",
    certificate: certificates.good,
    changes: { verify: false, serverName: "other.example" },
    expect: 200,
  },
  {
    name: "an IP address as its name",
    certificate: certificates.good,
    changes: { serverName: "127.0.0.1" },
    expect: 502,
  },
  {
    name: "roots that cannot be read",
    certificate: certificates.good,
    changes: { ca: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----" },
    expect: 502,
  },
];

for (const { name, certificate, changes, expect } of rows) {
  test(`B11: An https backend with ${name} is answered with ${expect}`, async () => {
    const { statuses } = await through(certificate, changes);
    assert.deepEqual(statuses, [expect, expect]);
  });
}

test("B11: An https backend sees its own name, one connection for many requests, and no resumption", async () => {
  const { seen } = await through(certificates.good, {});
  assert.deepEqual(seen, [{ name: "backend.example", isReused: false }]);
});

test("A backend on a Unix socket is reached", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-unix-"));
  const path = join(folder, "backend.sock");
  const server = createServer((request, response) => response.end(request.headers.host));
  server.listen(path);
  await once(server, "listening");
  try {
    const backend: Backend = { kind: "unix", path, hostHeader: "client" };
    await using world = await RelayWorld.start({ action: forwardTo([backend]) });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await client.has("\r\n\r\nshop.example");
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});

test("N1: A backend whose name does not resolve is answered with 502", async () => {
  const backend: Backend = {
    kind: "http",
    address: { host: "nowhere.invalid", port: 80 },
    hostHeader: "client",
  };
  await using world = await RelayWorld.start({ action: forwardTo([backend]) });
  using client = await RawClient.connect(world.port);
  client.say(get());
  await client.has("502 Bad Gateway\n");
});
