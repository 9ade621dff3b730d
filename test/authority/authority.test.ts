import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { certIdOf } from "../../src/acme/cert-id.ts";
import { AcmeClient } from "../../src/acme/client.ts";
import { createKey } from "../../src/acme/keys.ts";
import { AcmeReader } from "../../src/acme/reader.ts";
import { readCredential } from "../../src/base/credential.ts";
import { DAY_MS, MemoryStore, openWorld } from "../support/authority-world.ts";
import { clientAt, judged, obtain, startChallengeStand } from "../support/internal-order.ts";
import { without } from "../support/programs.ts";

const run = promisify(execFile);

test("an order is proven over HTTP-01 and gives a chain that clients accept", async () => {
  await using stand = await startChallengeStand();
  const { authority, clock } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority);
  const { chain, key } = await obtain(client, ["store.localhost"], "http-01", stand);

  const credential = readCredential(chain, key);
  assert.deepEqual(credential.names, ["store.localhost"]);
  assert.deepEqual(stand.hosts, ["store.localhost"]);
  assert.equal(credential.notAfter - credential.notBefore, 7 * DAY_MS);
  assert.ok(clock.now() - credential.notBefore <= 61_000);
  assert.ok(credential.notBefore < clock.now());
  assert.equal(chain.match(/BEGIN CERTIFICATE/g)?.length, 2, "leaf and intermediate, no root");
});

test("an order of several names is proven over TLS-ALPN-01", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const names = ["a.shop.internal", "b.test", "localhost"];
  const { chain, key } = await obtain(await clientAt(authority), names, "tls-alpn-01", stand);
  assert.deepEqual([...readCredential(chain, key).names].sort(), names);
});

for (const keyType of ["ecdsa-p384", "rsa-2048"] as const) {
  test(`a certificate for a key of type ${keyType} is issued`, async () => {
    await using stand = await startChallengeStand();
    const { authority } = await openWorld({ reach: stand.reach });
    const client = await clientAt(authority);
    const shown = await obtain(client, ["k.test"], "http-01", stand, { keyType });
    assert.deepEqual(readCredential(shown.chain, shown.key).names, ["k.test"]);
    const usage = new X509Certificate(shown.chain);
    assert.equal(usage.ca, false);
    assert.deepEqual(usage.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
  });
}

test("an account key of RSA orders as well as one of EC", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority, await createKey("rsa-2048"));
  const { chain, key } = await obtain(client, ["rsa.test"], "http-01", stand);
  assert.deepEqual(readCredential(chain, key).names, ["rsa.test"]);
});

test("the chain passes openssl verify -x509_strict, for long names with an empty subject too", {
  skip: without("openssl"),
}, async () => {
  await using stand = await startChallengeStand();
  using folder = mkdtempDisposableSync(join(tmpdir(), "latchkey-authority-"));
  const { authority } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority);
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.internal`;
  for (const [index, name] of ["store.localhost", long].entries()) {
    const { chain } = await obtain(client, [name], "http-01", stand);
    const files = writeChain(folder.path, authority.rootPem, chain, index);
    const args = ["verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", name];
    const { stdout } = await run("openssl", [...args, ...files]);
    assert.match(stdout, /: OK/);
    assert.equal(new X509Certificate(chain).subject, name === long ? undefined : `CN=${name}`);
  }
});

test("curl accepts a server with the certificate and refuses it without the root", {
  skip: without("curl"),
}, async () => {
  await using stand = await startChallengeStand();
  using folder = mkdtempDisposableSync(join(tmpdir(), "latchkey-authority-"));
  const { authority } = await openWorld({ reach: stand.reach });
  const { chain, key } = await obtain(
    await clientAt(authority),
    ["store.localhost"],
    "tls-alpn-01",
    stand,
  );
  const server = createServer({ cert: chain, key }, (_, response) => response.end("hello"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const root = join(folder.path, "root.pem");
  writeFileSync(root, authority.rootPem);
  const where = [
    "--resolve",
    `store.localhost:${port}:127.0.0.1`,
    `https://store.localhost:${port}/`,
  ];
  try {
    const { stdout } = await run("curl", ["-sS", "--max-time", "5", "--cacert", root, ...where]);
    assert.equal(stdout, "hello");
    await assert.rejects(run("curl", ["-sS", "--max-time", "5", ...where]), { code: 60 });
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("accounts, root and intermediate outlive a restart, orders do not", async () => {
  await using stand = await startChallengeStand();
  const store = new MemoryStore();
  const key = await createKey("ecdsa-p256");
  const first = await openWorld({ reach: stand.reach, store });
  const client = await clientAt(first.authority, key);
  const order = await client.newOrder({ names: ["a.test"] }, AbortSignal.timeout(5_000));
  const before = await obtain(client, ["a.test"], "http-01", stand);
  first.authority.close();

  const second = await openWorld({ reach: stand.reach, store });
  assert.equal(second.authority.rootPem, first.authority.rootPem);
  assert.deepEqual(second.log.lines, []);
  const again = await clientAt(second.authority, key);
  const after = await obtain(again, ["a.test"], "http-01", stand);
  const issuerOf = (chain: string) => chain.slice(chain.lastIndexOf("-----BEGIN"));
  assert.equal(issuerOf(after.chain), issuerOf(before.chain));
  await assert.rejects(again.order(order.url, AbortSignal.timeout(5_000)), {
    code: "ACME_PROBLEM",
    status: 404,
  });
});

test("an account that was made before a restart is used without making it again", async () => {
  await using stand = await startChallengeStand();
  const store = new MemoryStore();
  const accountKey = await createKey("ecdsa-p256");
  const first = await openWorld({ store });
  const signal = AbortSignal.timeout(5_000);
  const accountUrl = await (await clientAt(first.authority, accountKey)).createAccount({}, signal);

  const { authority, clock } = await openWorld({ reach: stand.reach, store });
  const { transport, directory } = authority;
  const options = { transport, directory, accountKey, accountUrl, clock };
  const client = new AcmeClient({ ...options, badNonceRetries: 0, noncePoolMax: 4 });
  const { chain } = await obtain(client, ["b.test"], "http-01", stand);
  assert.match(chain, /BEGIN CERTIFICATE/);
});

test("a life of one minute is kept to, with a tenth of it at most before now", async () => {
  await using stand = await startChallengeStand();
  const { authority, clock } = await openWorld({ reach: stand.reach, lifetimeMs: 60_000 });
  const client = await clientAt(authority);
  const { chain, key } = await obtain(client, ["short.test"], "http-01", stand);
  const { notBefore, notAfter } = readCredential(chain, key);
  assert.equal(notAfter - notBefore, 60_000);
  assert.ok(clock.now() - notBefore < 7_000, "6 s, and what whole seconds cut off");
});

test("renewal is advised around two thirds of the life, and asked about often in a short one", async () => {
  await using stand = await startChallengeStand();
  const { authority, clock } = await openWorld({ reach: stand.reach, lifetimeMs: 600_000 });
  const client = await clientAt(authority);
  const { chain, key } = await obtain(client, ["r.test"], "http-01", stand);
  const { notBefore, notAfter } = readCredential(chain, key);
  const certId = certIdOf(chain) ?? "";
  const { directory, transport } = authority;
  const reader = new AcmeReader({ directory, transport, clock });
  const advice = await reader.renewalInfo(certId, AbortSignal.timeout(5_000));
  assert.ok(advice !== undefined);
  const center = notBefore + ((notAfter - notBefore) * 2) / 3;
  assert.ok(advice.start < center && center < advice.end);
  assert.ok(advice.end < notAfter - 150_000);
  assert.equal(advice.retryAfterMs, 12_000);
});

test("a certificate is replaced once, and a second replacement is refused", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority);
  const { chain } = await obtain(client, ["r.test"], "http-01", stand);
  const replaces = certIdOf(chain) ?? "";
  await obtain(client, ["r.test"], "http-01", stand, { replaces });
  await assert.rejects(obtain(client, ["r.test"], "http-01", stand, { replaces }), {
    type: "urn:ietf:params:acme:error:alreadyReplaced",
    status: 409,
  });
});

test("serial numbers are positive, of 128 random bits, and never the same", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority);
  const serials = new Set<string>();
  for (let index = 0; index < 8; index += 1) {
    const { chain, key } = await obtain(client, ["s.test"], "http-01", stand);
    serials.add(readCredential(chain, key).serial);
  }
  assert.equal(serials.size, 8);
  for (const serial of serials) assert.ok(serial.length <= 32 && serial.length >= 28);
});

test("a challenge is offered only if a listener could answer it", async () => {
  const listener = { host: "127.0.0.1", port: 1 };
  const cases = [
    { reach: { http: [listener], https: [] }, offered: ["http-01"] },
    { reach: { http: [], https: [listener] }, offered: ["tls-alpn-01"] },
    { reach: { http: [listener], https: [listener] }, offered: ["http-01", "tls-alpn-01"] },
  ];
  const signal = AbortSignal.timeout(5_000);
  for (const { reach, offered } of cases) {
    const { authority } = await openWorld({ reach });
    const client = await clientAt(authority);
    const order = await client.newOrder({ names: ["a.test"] }, signal);
    const { challenges } = await client.authorization(order.authorizations[0] ?? "", signal);
    assert.deepEqual(
      challenges.map(({ type }) => type),
      offered,
    );
  }
  const { authority } = await openWorld({ reach: { http: [], https: [] } });
  const client = await clientAt(authority);
  await assert.rejects(client.newOrder({ names: ["a.test"] }, signal), { status: 500 });
});

test("a name that nobody proves makes the order invalid, and says why", async () => {
  await using stand = await startChallengeStand();
  const { authority } = await openWorld({ reach: stand.reach });
  const client = await clientAt(authority);
  const signal = AbortSignal.timeout(5_000);
  const order = await client.newOrder({ names: ["a.test"] }, signal);
  const [url = ""] = order.authorizations;
  const { challenges } = await client.authorization(url, signal);
  await client.answerChallenge(challenges[0]?.url ?? "", signal);
  const failed = await judged(client, url, signal);
  assert.equal(failed.status, "invalid");
  const type = "urn:ietf:params:acme:error:incorrectResponse";
  assert.equal(failed.challenges[0]?.error?.type, type);
  const { status, error } = await client.order(order.url, signal);
  assert.equal(status, "invalid");
  assert.equal(error?.type, type);
});

test("a closed authority is unreachable, and its validations end", async () => {
  const { authority } = await openWorld();
  const client = await clientAt(authority);
  authority.close();
  await assert.rejects(client.newOrder({ names: ["a.test"] }, AbortSignal.timeout(5_000)), {
    code: "ACME_UNREACHABLE",
  });
});

test("a URL of another origin, or an ended wait, never reaches the authority", async () => {
  const { authority } = await openWorld();
  const request = { method: "GET", headers: {}, body: undefined } as const;
  const elsewhere = { ...request, url: "https://acme.example/directory" };
  const own = { ...request, url: authority.directory };
  const { transport } = authority;
  const unreachable = { code: "ACME_UNREACHABLE" };
  await assert.rejects(transport.request(elsewhere, AbortSignal.timeout(5_000)), unreachable);
  await assert.rejects(transport.request(own, AbortSignal.abort()), unreachable);
});

/** Writes root, intermediate and leaf, and gives the arguments of `openssl verify` for them. */
function writeChain(folder: string, root: string, chain: string, index: number): string[] {
  const [leaf = "", intermediate = ""] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  const files = { root, intermediate, leaf };
  const paths = Object.entries(files).map(([name, pem]) => {
    const path = join(folder, `${name}-${index}.pem`);
    writeFileSync(path, pem);
    return path;
  });
  const [rootPath = "", intermediatePath = "", leafPath = ""] = paths;
  // Without -no-CApath the machine's own trust would be asked as well.
  const trust = ["-no-CAfile", "-no-CApath", "-CAfile", rootPath];
  return [...trust, "-untrusted", intermediatePath, leafPath];
}
