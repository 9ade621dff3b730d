import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import tls from "node:tls";
import type { Credential } from "../../src/base/credential.ts";
import { codeOf } from "../../src/base/errors.ts";
import type { Host } from "../../src/config/config.ts";
import { Terminator } from "../../src/connection/terminate.ts";
import { connectPair } from "../support/socket-pair.ts";
import { authority, hostname, makeCredential, makeHost, tunnelTo } from "../support/tls-door.ts";

const master = Buffer.alloc(32, 1);
const a = hostname("a.example");
const entry = makeHost("*.example");

interface Shaking extends tls.ConnectionOptions {
  readonly route?: Host;
  readonly credential?: Credential;
}

/** One handshake for a.example: both ends of it, and the serial that the client saw. */
async function shake(terminator: Terminator, shaking: Shaking = {}) {
  const { route = entry, credential = first, ...options } = shaking;
  const pair = await connectPair();
  const client = tls.connect({
    socket: pair.client,
    servername: a,
    ca: authority.certificate,
    ...options,
  });
  const connected = new Promise((resolve) => client.once("secureConnect", resolve));
  client.on("error", () => client.destroy());
  try {
    const secured = await terminator.terminate(pair.server, a, route, credential);
    await connected;
    const serial = client.getPeerCertificate().serialNumber.toLowerCase();
    return {
      raw: pair.client,
      client,
      secured,
      serial,
      [Symbol.dispose]: () => pair[Symbol.dispose](),
    };
  } catch (error) {
    assert.equal(pair.server.destroyed, true);
    pair[Symbol.dispose]();
    throw error;
  }
}

const first = makeCredential("a.example");
const second = makeCredential("a.example");

test("terminate serves the credential that it is given, chain included", async () => {
  using shaken = await shake(new Terminator(master));
  assert.equal(shaken.client.authorized, true);
  assert.equal(shaken.serial, first.serial);
  assert.equal(shaken.client.getProtocol(), "TLSv1.3");
});

test("terminate negotiates the post-quantum group first", async () => {
  using shaken = await shake(new Terminator(master), { ecdhCurve: "X25519MLKEM768" });
  assert.equal(shaken.client.authorized, true);
});

test("another credential is swapped in under the open connections", async () => {
  const terminator = new Terminator(master);
  using before = await shake(terminator);
  using after = await shake(terminator, { credential: second });
  assert.equal(before.serial, first.serial);
  assert.equal(after.serial, second.serial);
  assert.equal(terminator.size, 1);
  before.client.write("still here");
  const [word] = await once(before.secured, "data");
  assert.equal(String(word), "still here");
});

test("a host that falls out of the table keeps its open connections and comes back", async () => {
  const terminator = new Terminator(master, 1);
  using before = await shake(terminator);
  const other = hostname("b.example");
  using pair = await connectPair();
  const client = tls.connect({ socket: pair.client, servername: other, rejectUnauthorized: false });
  await Promise.all([
    once(client, "secureConnect"),
    terminator.terminate(pair.server, other, entry, makeCredential(other)),
  ]);
  assert.equal(terminator.size, 1);
  before.secured.write("still here");
  const [word] = await once(before.client, "data");
  assert.equal(String(word), "still here");
  using again = await shake(terminator);
  assert.equal(again.serial, first.serial);
});

test("an entry that changed, as after a reload, gets a server of its own", async () => {
  const terminator = new Terminator(master);
  using plain = await shake(terminator, { ALPNProtocols: ["http/1.1"] });
  assert.equal(plain.client.alpnProtocol, "http/1.1");
  const route = makeHost("a.example", tunnelTo("tcp", 1));
  using tunnel = await shake(terminator, { route, ALPNProtocols: ["mqtt"] });
  assert.equal(tunnel.client.alpnProtocol, false);
});

test("T11: a client cannot renegotiate", async () => {
  using shaken = await shake(new Terminator(master), { maxVersion: "TLSv1.2" });
  const failed = new Promise<unknown>((resolve) => shaken.client.once("error", resolve));
  shaken.client.renegotiate({}, () => undefined);
  shaken.client.resume();
  assert.equal(codeOf(await failed), "ERR_SSL_NO_RENEGOTIATION");
});

test("the client's order of ciphers counts", async () => {
  for (const ciphers of ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"]) {
    const rest = "TLS_AES_128_GCM_SHA256";
    using shaken = await shake(new Terminator(master), { ciphers: `${ciphers}:${rest}` });
    assert.equal(shaken.client.getCipher().name, ciphers);
  }
});

test("T3: a handshake for another name than the peeked one fails", async () => {
  const terminator = new Terminator(master);
  await assert.rejects(shake(terminator, { servername: "b.example", rejectUnauthorized: false }), {
    code: "HANDSHAKE_FAILED",
  });
});

test("a handshake without a name fails", async () => {
  await assert.rejects(
    shake(new Terminator(master), { servername: "", rejectUnauthorized: false }),
    {
      code: "HANDSHAKE_FAILED",
    },
  );
});

test("the name is compared as a host name: case and a final dot mean nothing", async () => {
  using shaken = await shake(new Terminator(master), {
    servername: "A.Example",
    checkServerIdentity: () => undefined,
  });
  assert.equal(shaken.serial, first.serial);
});

test("a socket that is gone already fails at once", async () => {
  using pair = await connectPair();
  pair.server.destroy();
  await assert.rejects(new Terminator(master).terminate(pair.server, a, entry, first), {
    code: "HANDSHAKE_FAILED",
  });
});

test("a credential that OpenSSL cannot use is said to be invalid", async () => {
  using pair = await connectPair();
  const broken = {
    ...first,
    key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  };
  const terminator = new Terminator(master);
  await assert.rejects(terminator.terminate(pair.server, a, entry, broken), {
    code: "CERTIFICATE_INVALID",
  });
});

test("an error after the handshake closes the secured socket", async () => {
  using shaken = await shake(new Terminator(master));
  const closed = new Promise((resolve) => shaken.secured.once("close", resolve));
  shaken.raw.write("no record of TLS");
  await closed;
});
