import { X509Certificate } from "node:crypto";
import { Client } from "acme-client";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { PackageAnswer } from "./acme-package.ts";
import { readChain } from "./chain.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { NoncePool, nonceIn } from "./nonce-pool.ts";
import { AcmeProblem, problemIn } from "./problem.ts";
import { AcmeReader } from "./reader.ts";
import {
  type AcmeAuthorization,
  type AcmeDirectory,
  type AcmeOrder,
  readAuthorization,
  readOrder,
} from "./resource.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { thumbprintOf } from "./thumbprint.ts";
import type { AcmeAnswer, AcmeTransport } from "./transport.ts";

export type {
  AcmeAuthorization,
  AcmeChallenge,
  AcmeDirectory,
  AcmeOrder,
} from "./resource.ts";

export interface AcmeClientOptions {
  /** URL of the directory. */
  readonly directory: string;
  /** Stays the caller's: closing it is not done here. */
  readonly transport: AcmeTransport;
  /** PEM of the account's private key, EC or RSA. Never the key of a certificate. */
  readonly accountKey: string;
  /** The account's URL, when it was made before. */
  readonly accountUrl?: string | undefined;
  /** What ties a new account to one of the CA's website (RFC 8555 §7.3.4). */
  readonly binding?: AccountBinding | undefined;
  readonly clock: Clock;
  /** A refused nonce is replaced and the request made again at once, this often. */
  readonly badNonceRetries: number;
  readonly noncePoolMax: number;
}

/** A key that the CA's website gave out; `hmac` is base64url. Never logged. */
export interface AccountBinding {
  readonly kid: string;
  readonly hmac: string;
}

/** What an order is placed for. */
export interface NewOrder {
  readonly names: readonly string[];
  /** One of the directory's profiles. */
  readonly profile?: string | undefined;
  /** The CertID of the certificate that this one takes over from (RFC 9773 §5). */
  readonly replaces?: string | undefined;
}

export interface NewAccount {
  /** Where the CA may write to. */
  readonly email?: string | undefined;
  /** Look the account of this key up, and make none (RFC 8555 §7.3.1). */
  readonly onlyReturnExisting?: boolean | undefined;
}

/**
 * One account at one CA: every request of RFC 8555 that an order needs. It never waits
 * for anything but an answer, and repeats nothing but a request whose nonce was refused: polling and
 * trying again are the caller's.
 *
 * Every method that asks the CA throws `AcmeProblem` (`ACME_PROBLEM`) when the CA says no,
 * `ACME_UNREACHABLE` when no answer came, `ACME_PROTOCOL` when the answer makes no sense, and the
 * signal's reason when aborted.
 */
export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #nonces: NoncePool;
  readonly #thumbprint: string;
  readonly #reader: AcmeReader;
  #accountUrl: string | undefined;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    this.#nonces = new NoncePool(options.noncePoolMax);
    this.#thumbprint = thumbprintOf(options.accountKey);
    this.#reader = new AcmeReader(options);
    this.#accountUrl = options.accountUrl;
  }

  /** The account that requests are signed for; `undefined` before there is one. */
  get accountUrl(): string | undefined {
    return this.#accountUrl;
  }

  /** What the CA offers; asked for once, and again after a day. */
  directory(signal: AbortSignal): Promise<AcmeDirectory> {
    return this.#reader.directory(signal);
  }

  /**
   * Makes the account of this key, agreeing to the CA's terms, and uses it from now on. A key that
   * has one already gets that one.
   *
   * @returns The account's URL.
   * @throws {LatchkeyError} `ACME_ACCOUNT_BINDING` when the CA wants a key of its website, and there is none.
   */
  async createAccount(account: NewAccount, signal: AbortSignal): Promise<string> {
    const action = "make an account";
    const { email, onlyReturnExisting } = account;
    const { externalAccountRequired } = await this.directory(signal);
    if (externalAccountRequired && !onlyReturnExisting && this.#options.binding === undefined) {
      const why = "the CA wants it bound to an account of its website, and the issuer has no `eab`";
      throw new LatchkeyError("ACME_ACCOUNT_BINDING", `Cannot ${action}: ${why}`);
    }
    const asked =
      onlyReturnExisting === true
        ? { onlyReturnExisting }
        : {
            termsOfServiceAgreed: true,
            ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
          };
    const answer = await this.#ask(action, signal, (api) => api.createAccount(asked));
    this.#accountUrl = locationOf(action, answer);
    return this.#accountUrl;
  }

  /** Places an order. The CA may answer with one that is under way for the same names. */
  async newOrder({ names, profile, replaces }: NewOrder, signal: AbortSignal): Promise<AcmeOrder> {
    const action = `order a certificate for ${names.join(", ")}`;
    const answer = await this.#askAsAccount(action, signal, (api) =>
      api.createOrder({
        identifiers: names.map((value) => ({ type: isIpAddress(value) ? "ip" : "dns", value })),
        ...(profile === undefined ? {} : { profile }),
        ...(replaces === undefined ? {} : { replaces }),
      }),
    );
    return readOrder(answer.data, locationOf(action, answer), this.#retryAfter(answer));
  }

  /** The order as it stands. */
  async order(url: string, signal: AbortSignal): Promise<AcmeOrder> {
    const answer = await this.#askAsAccount("read an order", signal, (api) => api.getOrder(url));
    return readOrder(answer.data, url, this.#retryAfter(answer));
  }

  /** The authorization as it stands. */
  async authorization(url: string, signal: AbortSignal): Promise<AcmeAuthorization> {
    const answer = await this.#askAsAccount("read an authorization", signal, (api) =>
      api.getAuthorization(url),
    );
    return readAuthorization(answer.data, url, this.#retryAfter(answer));
  }

  /** Tells the CA that it may look now; what it finds stands in the authorization later. */
  async answerChallenge(url: string, signal: AbortSignal): Promise<void> {
    await this.#askAsAccount("answer a challenge", signal, (api) => api.completeChallenge(url, {}));
  }

  /** Hands in the CSR (DER) of an order that is ready; the order as it stands after that. */
  async finalize(order: AcmeOrder, csr: Uint8Array, signal: AbortSignal): Promise<AcmeOrder> {
    const payload = { csr: Buffer.from(csr).toString("base64url") };
    const answer = await this.#askAsAccount("finalize an order", signal, (api) =>
      api.finalizeOrder(order.finalize, payload),
    );
    return readOrder(answer.data, order.url, this.#retryAfter(answer));
  }

  /** The chain of a valid order: PEM, leaf first, certificates and nothing else. Not verified. */
  async certificate(order: AcmeOrder, signal: AbortSignal): Promise<string> {
    const action = "download a certificate";
    const url = order.certificate;
    if (url === undefined) throw confused(action, `the order is ${order.status}`);
    const answer = await this.#askAsAccount(action, signal, (api) =>
      api.apiRequest(url, undefined, [200]),
    );
    return readChain(answer.data);
  }

  /**
   * Declares a certificate of this account no longer valid (RFC 8555 §7.6). One that is already is
   * no failure.
   *
   * @param chainPem Its first certificate is meant.
   * @param reason A code of RFC 5280 §5.3.1.
   */
  async revoke(chainPem: string, reason: number, signal: AbortSignal): Promise<void> {
    const action = "revoke a certificate";
    const { revokeCertUrl } = await this.directory(signal);
    if (revokeCertUrl === undefined) throw confused(action, "the CA does not offer it");
    const certificate = new X509Certificate(chainPem).raw.toString("base64url");
    try {
      await this.#askAsAccount(action, signal, (api) =>
        api.apiRequest(revokeCertUrl, { certificate, reason }, [200]),
      );
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.type !== ALREADY_REVOKED) throw error;
    }
  }

  /** What proves control with a token: `token.thumbprint` (RFC 8555 §8.1). Secret until answered. */
  keyAuthorization(token: string): string {
    return `${token}.${this.#thumbprint}`;
  }

  /** A request that only an account may make. */
  #askAsAccount(action: string, signal: AbortSignal, work: Work): Promise<PackageAnswer> {
    if (this.#accountUrl === undefined) throw new TypeError(`Cannot ${action}: no account yet`);
    return this.#ask(action, signal, work);
  }

  async #ask(action: string, signal: AbortSignal, work: Work): Promise<PackageAnswer> {
    const directory = await this.directory(signal);
    try {
      return await work(this.#packageFor(action, directory, signal).api);
    } catch (cause) {
      if (cause instanceof LatchkeyError || signal.aborted) throw cause;
      throw confused(action, messageOf(cause), cause);
    }
  }

  /**
   * The package's client for one request. It signs, and its HTTP is replaced by ours: one lives for
   * one request because the package has no place for an abort signal (it takes 0.07 ms, measured).
   */
  #packageFor(action: string, directory: AcmeDirectory, signal: AbortSignal): Client {
    const { directory: directoryUrl, accountKey, binding, badNonceRetries } = this.#options;
    const accountUrl = this.#accountUrl;
    const client = new Client({
      directoryUrl,
      accountKey,
      ...(accountUrl === undefined ? {} : { accountUrl }),
      ...(binding && { externalAccountBinding: { kid: binding.kid, hmacKey: binding.hmac } }),
    });
    let retriesLeft = badNonceRetries;
    client.http.maxBadNonceRetries = badNonceRetries;
    client.http.getDirectory = async () => ({
      newAccount: directory.newAccountUrl,
      newOrder: directory.newOrderUrl,
    });
    client.http.getNonce = () => this.#nonce(directory, signal);
    client.http.request = async (url, _method, { data: body }) => {
      const answer = await this.#post(url, JSON.stringify(body), signal);
      const data = dataIn(answer);
      if (isBadNonce(answer.status, data) && retriesLeft > 0) {
        retriesLeft -= 1;
        // The package signs again with the nonce of this answer (RFC 8555 §6.5): it is not for the pool.
        const nonce = nonceIn(answer.headers);
        return { ...answer, data, headers: nonce === undefined ? {} : { "replay-nonce": nonce } };
      }
      this.#nonces.put(nonceIn(answer.headers));
      if (answer.status >= 400) throw problemIn(action, answer, this.#options.clock.now());
      return { ...answer, data };
    };
    return client;
  }

  /** A nonce from the pool, and only from an empty one a new one of the CA's. */
  async #nonce(directory: AcmeDirectory, signal: AbortSignal): Promise<string> {
    const kept = this.#nonces.take();
    if (kept !== undefined) return kept;
    const request = {
      method: "HEAD",
      url: directory.newNonceUrl,
      headers: {},
      body: undefined,
    } as const;
    const answer = await this.#options.transport.request(request, signal);
    const nonce = nonceIn(answer.headers);
    if (nonce !== undefined) return nonce;
    throw problemIn("get a nonce", answer, this.#options.clock.now());
  }

  #post(url: string, body: string, signal: AbortSignal): Promise<AcmeAnswer> {
    const headers = { "content-type": "application/jose+json" };
    return this.#options.transport.request({ method: "POST", url, headers, body }, signal);
  }

  #retryAfter({ headers }: { readonly headers: Readonly<Record<string, string>> }) {
    return parseRetryAfter(headers["retry-after"], this.#options.clock.now());
  }
}

const ALREADY_REVOKED = "urn:ietf:params:acme:error:alreadyRevoked";

type Work = (api: Client["api"]) => Promise<PackageAnswer>;

function dataIn({ headers, body }: AcmeAnswer): unknown {
  const isJson = /^application\/(?:problem\+)?json\b/i.test(headers["content-type"] ?? "");
  return isJson ? parseJson(body) : body;
}

function isBadNonce(status: number, data: unknown): boolean {
  return (
    status === 400 && isJsonObject(data) && data["type"] === "urn:ietf:params:acme:error:badNonce"
  );
}

function locationOf(action: string, { headers }: PackageAnswer): string {
  const url = headers["location"];
  if (url !== undefined && URL.canParse(url)) return url;
  throw confused(action, "its answer has no Location");
}

function confused(action: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError("ACME_PROTOCOL", `Cannot ${action}: ${why}`, {}, { cause });
}
