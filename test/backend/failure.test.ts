import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { test } from "node:test";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { Backend } from "../../src/config/destination.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { RawClient } from "../support/raw-client.ts";
import { portOf } from "../support/recorder.ts";
import { forwardTo, get, httpsBackendOf, RelayWorld } from "../support/relay-world.ts";

const authority = makeAuthority();
const DAY_MS = 86_400_000;
const good = makeCertificate({ names: ["backend.example"], issuer: authority });
const old = makeCertificate({
  names: ["backend.example"],
  issuer: authority,
  notBefore: Date.now() - 3 * DAY_MS,
  notAfter: Date.now() - DAY_MS,
});
const selfSigned = makeCertificate({ names: ["backend.example"] });
const withRoot = { ...good, chain: good.chain + authority.certificate };

interface Row {
  readonly name: string;
  readonly server: () => Server;
  readonly changes?: Partial<Extract<Backend, { kind: "https" }>>;
  /** The message of `backend.down`. */
  readonly says: string | RegExp;
}

const rows: readonly Row[] = [
  {
    name: "a self-signed certificate",
    server: tls(selfSigned),
    says: "its TLS certificate is not trusted (self-signed certificate): put its CA into backend.ca",
  },
  {
    name: "a certificate of a CA that the machine does not know",
    server: tls(good),
    changes: { ca: undefined },
    says: "its TLS certificate is not trusted (unable to verify the first certificate): put its CA into backend.ca",
  },
  {
    name: "the same with its root",
    server: tls(withRoot),
    changes: { ca: undefined },
    says: "its TLS certificate is not trusted (self-signed certificate in certificate chain): put its CA into backend.ca",
  },
  {
    name: "a certificate for another name",
    server: tls(good),
    changes: { serverName: "other.example" },
    says: "its TLS certificate is not trusted (it is for another name: Host: other.example. is not in the cert's altnames: DNS:backend.example): set backend.serverName to the name in it",
  },
  {
    name: "a certificate that has expired",
    server: tls(old),
    says: "its TLS certificate is not trusted (it has expired)",
  },
  {
    name: "no TLS",
    server: () => createServer((socket) => socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    says: "it does not speak TLS (wrong version number): is it http://?",
  },
  {
    name: "a wish for certificates, by TLS 1.2",
    server: tls(good, { requestCert: true, ca: authority.certificate, maxVersion: "TLSv1.2" }),
    says: /^TLS failed \(.*alert handshake failure\)$/,
  },
];

for (const { name, server, changes, says } of rows) {
  test(`A backend with ${name} is told of in words that lead to the setting`, async () => {
    await using listener = await listening(server());
    const backend = httpsBackendOf(listener.port, authority.certificate, changes);
    await using world = await RelayWorld.start({ action: forwardTo([backend]) });
    using client = await RawClient.connect(world.port);
    client.say(get());
    await client.has("502 Bad Gateway\n");
    const down = world.log.lines.find(({ event }) => event === "backend.down");
    const message = String(down?.facts["message"]);
    if (typeof says === "string") assert.equal(message, says);
    else assert.match(message, says);
  });
}

function tls(
  { chain, key }: { readonly chain: string; readonly key: string },
  options: TlsOptions = {},
): () => Server {
  return () => {
    const server = createTlsServer({ cert: chain, key, ...options }, (socket) => {
      socket.on("error", () => {
        // The client does not trust it.
      });
    });
    return server.on("tlsClientError", () => {
      // As above.
    });
  };
}

async function listening(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
