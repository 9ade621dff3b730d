import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createSecureContext, createServer as createTlsServer, type SecureContext } from "node:tls";
import { createAlpnCertificate } from "../../src/acme/alpn-certificate.ts";
import { certIdOf } from "../../src/acme/cert-id.ts";
import { AcmeClient, type AcmeOrder } from "../../src/acme/client.ts";
import { createCsr } from "../../src/acme/csr.ts";
import { createKey, type KeyType } from "../../src/acme/keys.ts";
import { AcmeReader } from "../../src/acme/reader.ts";
import { createHttpsTransport } from "../../src/acme/transport.ts";
import { systemClock } from "../../src/base/clock.ts";
import { readCredential } from "../../src/base/credential.ts";
import { startPebble } from "../support/pebble.ts";

const signal = AbortSignal.timeout(60_000);

/** What the two responders answer with: key authorizations by token, contexts by host. */
const httpAnswers = new Map<string, string>();
const tlsAnswers = new Map<string, SecureContext>();

const http = createHttpServer((request, response) => {
  const answer = httpAnswers.get(request.url?.split("/").at(-1) ?? "");
  response.writeHead(answer === undefined ? 404 : 200).end(answer);
});
const tls = createTlsServer({
  ALPNProtocols: ["acme-tls/1"],
  SNICallback: (host, done) => done(null, tlsAnswers.get(host)),
});
tls.on("secureConnection", (socket) => socket.on("error", () => {}).end());
for (const server of [http, tls]) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

const pebble = await startPebble({
  httpPort: (http.address() as AddressInfo).port,
  tlsPort: (tls.address() as AddressInfo).port,
  nonceReject: 50,
  blocked: ["blocked.shop.example"],
});
const transport = createHttpsTransport({
  trust: pebble.trustPem,
  userAgent: "latchkey-test",
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 30_000,
  totalTimeoutMs: 60_000,
  answerMaxBytes: 262_144,
});
const reader = new AcmeReader({ directory: pebble.directory, transport, clock: systemClock });
after(async () => {
  transport.close();
  await pebble.close();
  http.close();
  tls.close();
});

const accountKey = await createKey("ecdsa-p256");

test("C4: Pebble issues by http-01 although it refuses every second nonce", async () => {
  const { chain, key } = await issue("http-01", "one.shop.example", "ecdsa-p256");
  const { names } = readCredential(chain, key);
  assert.deepEqual(names, ["one.shop.example"]);
  const [, issuer] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  const root = new X509Certificate(await pebble.roots());
  assert.ok(new X509Certificate(issuer ?? "").verify(root.publicKey));
});

test("Pebble issues by tls-alpn-01 for an RSA key", async () => {
  const { chain, key } = await issue("tls-alpn-01", "two.shop.example", "rsa-2048");
  assert.deepEqual(readCredential(chain, key).names, ["two.shop.example"]);
});

test("an account is found again by its key, and used again by its URL", async () => {
  const url = await clientOf().createAccount({ email: "ops@shop.example" }, signal);
  assert.equal(await clientOf().createAccount({}, signal), url);
  assert.equal(await clientOf().createAccount({ onlyReturnExisting: true }, signal), url);
  const order = await clientOf({ accountUrl: url }).newOrder({ names: ["three.example"] }, signal);
  assert.equal(order.status, "pending");
});

test("an account that Pebble does not know is said by its type", async () => {
  const stranger = clientOf({ accountKey: await createKey("ecdsa-p256") });
  const error = { code: "ACME_PROBLEM", type: "urn:ietf:params:acme:error:accountDoesNotExist" };
  await assert.rejects(stranger.createAccount({ onlyReturnExisting: true }, signal), error);
});

test("a certificate has a renewal window, and is replaced once", async () => {
  const { chain } = await issueReplaceable();
  const certId = certIdOf(chain) ?? "";
  const info = await reader.renewalInfo(certId, signal);
  const { validFromDate, validToDate } = new X509Certificate(chain);
  assert.ok(info !== undefined && info.start < info.end);
  assert.ok(info.start > validFromDate.getTime() && info.end < validToDate.getTime());
  assert.equal(info.retryAfterMs, 21_600_000);

  await issue("http-01", "four.shop.example", "ecdsa-p256", certId);
  await assert.rejects(issue("http-01", "four.shop.example", "ecdsa-p256", certId), {
    code: "ACME_PROBLEM",
    type: "urn:ietf:params:acme:error:alreadyReplaced",
    status: 409,
  });
});

test("a renewal window that makes no sense is said to make none", async () => {
  const { chain } = await issue("http-01", "five.shop.example", "ecdsa-p256");
  const [leaf = ""] = chain.split(/(?<=-----END CERTIFICATE-----\n)/);
  await pebble.setRenewalInfo(leaf, '{"suggestedWindow": {');
  await assert.rejects(reader.renewalInfo(certIdOf(chain) ?? "", signal), {
    code: "ACME_PROTOCOL",
  });
});

const refused = [
  { what: "a profile", order: { names: ["a.example"], profile: "none" }, type: "invalidProfile" },
  { what: "a name", order: { names: ["blocked.shop.example"] }, type: "rejectedIdentifier" },
];

for (const { what, order, type } of refused) {
  test(`${what} that Pebble does not want is refused by its type`, async () => {
    const client = clientOf();
    await client.createAccount({}, signal);
    await assert.rejects(client.newOrder(order, signal), {
      code: "ACME_PROBLEM",
      type: `urn:ietf:params:acme:error:${type}`,
    });
  });
}

test("a challenge that nobody answers leaves its reason in the authorization", async () => {
  const client = clientOf();
  await client.createAccount({}, signal);
  const order = await client.newOrder({ names: ["six.shop.example"] }, signal);
  const [url = ""] = order.authorizations;
  const { challenges } = await client.authorization(url, signal);
  const challenge = challenges.find(({ type }) => type === "http-01");
  await client.answerChallenge(challenge?.url ?? "", signal);
  const failed = await settled(() => client.authorization(url, signal));
  assert.equal(failed.status, "invalid");
  const error = failed.challenges.find(({ type }) => type === "http-01")?.error;
  assert.equal(error?.type, "urn:ietf:params:acme:error:unauthorized");
});

function clientOf(changes: { readonly accountUrl?: string; readonly accountKey?: string } = {}) {
  return new AcmeClient({
    directory: pebble.directory,
    transport,
    accountKey,
    clock: systemClock,
    badNonceRetries: 20,
    noncePoolMax: 32,
    ...changes,
  });
}

/** A certificate whose serial number Pebble finds again: it forgets the sign byte that one in 256 needs. */
async function issueReplaceable() {
  for (;;) {
    const issued = await issue("http-01", "four.shop.example", "ecdsa-p256");
    const serial = Buffer.from(certIdOf(issued.chain)?.split(".")[1] ?? "", "base64url");
    if (serial[0] !== 0) return issued;
  }
}

type Answerable = "http-01" | "tls-alpn-01";

/** The whole life of one order, as the program's own order flow has it, without its waits. */
async function issue(type: Answerable, host: string, keyType: KeyType, replaces?: string) {
  const client = clientOf();
  const key = await createKey(keyType);
  await client.createAccount({}, signal);
  const order = await client.newOrder({ names: [host], replaces }, signal);
  for (const url of order.authorizations) await prove(client, type, url);
  const ready = await settled(() => client.order(order.url, signal));
  assert.equal(ready.status, "ready");
  await client.finalize(ready, createCsr([host], key), signal);
  const valid = await settled(() => client.order(order.url, signal));
  assert.equal(valid.status, "valid");
  return { chain: (await client.certificate(valid, signal)).chain, key };
}

async function prove(client: AcmeClient, type: Answerable, url: string) {
  const { host, challenges, ...known } = await client.authorization(url, signal);
  if (known.status === "valid") return; // Pebble uses one again in one order of a hundred, also when told to use none
  const challenge = challenges.find((offered) => offered.type === type);
  const token = challenge?.token ?? "";
  const keyAuthorization = client.keyAuthorization(token);
  const { chain, key } = await createAlpnCertificate(host, keyAuthorization);
  if (type === "http-01") httpAnswers.set(token, keyAuthorization);
  else tlsAnswers.set(host, createSecureContext({ cert: chain, key }));
  await client.answerChallenge(challenge?.url ?? "", signal);
  const { status } = await settled(() => client.authorization(url, signal));
  assert.equal(status, "valid");
}

/** Looks until the CA has made up its mind. */
async function settled<Resource extends { readonly status: AcmeOrder["status"] | string }>(
  look: () => Promise<Resource>,
): Promise<Resource> {
  for (;;) {
    const resource = await look();
    if (!["pending", "processing"].includes(resource.status)) return resource;
    await systemClock.sleep(50, signal);
  }
}
