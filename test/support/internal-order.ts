import { setTimeout as delay } from "node:timers/promises";
import { createAlpnCertificate } from "../../src/acme/alpn-certificate.ts";
import { AcmeClient, type AcmeOrder } from "../../src/acme/client.ts";
import { createCsr } from "../../src/acme/csr.ts";
import { createKey, type KeyType } from "../../src/acme/keys.ts";
import type { Authority } from "../../src/authority/authority.ts";
import type { ChallengeType } from "../../src/authority/orders.ts";
import type { Reach } from "../../src/authority/validate.ts";
import { systemClock } from "../../src/base/clock.ts";
import { type Responder, respondHttp, respondTls, type Shown } from "./challenge-responder.ts";

/** Responders for both challenges, and what they answer. */
export interface ChallengeStand extends AsyncDisposable {
  readonly reach: Reach;
  /** Path → body on the HTTP side. */
  readonly bodies: Map<string, string>;
  /** Name → certificate on the TLS side. */
  readonly shown: Map<string, Shown>;
  /** The Host fields that the HTTP side saw. */
  readonly hosts: (string | undefined)[];
}

export async function startChallengeStand(): Promise<ChallengeStand> {
  const bodies = new Map<string, string>();
  const shown = new Map<string, Shown>();
  const hosts: (string | undefined)[] = [];
  const http: Responder = await respondHttp((request, response) => {
    hosts.push(request.headers.host);
    const body = bodies.get(request.url ?? "");
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  const https = await respondTls((name) => shown.get(name));
  return {
    reach: { http: [http.listener], https: [https.listener] },
    bodies,
    shown,
    hosts,
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]();
      await https[Symbol.asyncDispose]();
    },
  };
}

/** The program's own ACME client on an account at the authority. */
export async function clientAt(authority: Authority, key?: string): Promise<AcmeClient> {
  const client = new AcmeClient({
    directory: authority.directory,
    transport: authority.transport,
    accountKey: key ?? (await createKey("ecdsa-p256")),
    clock: systemClock,
    badNonceRetries: 0,
    noncePoolMax: 8,
  });
  await client.createAccount({ email: "ops@shop.example" }, AbortSignal.timeout(10_000));
  return client;
}

/** A whole order as the certificate floor places it; the chain and the key of the certificate. */
export async function obtain(
  client: AcmeClient,
  names: readonly string[],
  type: ChallengeType,
  stand: ChallengeStand,
  options: { readonly keyType?: KeyType; readonly replaces?: string } = {},
): Promise<Shown> {
  const signal = AbortSignal.timeout(10_000);
  const order = await client.newOrder({ names, replaces: options.replaces }, signal);
  await prove(client, order, type, stand, signal);
  const ready = await client.order(order.url, signal);
  const key = await createKey(options.keyType ?? "ecdsa-p256");
  const done = await client.finalize(ready, createCsr(names, key), signal);
  return { chain: (await client.certificate(done, signal)).chain, key };
}

/** Answers one challenge of each authorization, and waits until they are judged. */
export async function prove(
  client: AcmeClient,
  order: AcmeOrder,
  type: ChallengeType,
  stand: ChallengeStand,
  signal: AbortSignal,
): Promise<void> {
  for (const url of order.authorizations) {
    const { challenges, host } = await client.authorization(url, signal);
    const challenge = challenges.find((one) => one.type === type);
    if (challenge?.token === undefined) throw new Error(`No ${type} was offered`);
    const keyAuthorization = client.keyAuthorization(challenge.token);
    if (type === "http-01") {
      stand.bodies.set(`/.well-known/acme-challenge/${challenge.token}`, keyAuthorization);
    } else {
      stand.shown.set(host, await createAlpnCertificate(host, keyAuthorization));
    }
    await client.answerChallenge(challenge.url, signal);
    await judged(client, url, signal);
  }
}

/** The state of an authorization that is no longer pending. */
export async function judged(client: AcmeClient, url: string, signal: AbortSignal) {
  for (;;) {
    const authorization = await client.authorization(url, signal);
    if (authorization.status !== "pending") return authorization;
    // Polling, as RFC 8555 §7.5.1 has it: the protocol knows no event.
    await delay(5, undefined, { signal });
  }
}
