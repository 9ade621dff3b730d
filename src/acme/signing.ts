import { createPublicKey } from "node:crypto";
import type { Client } from "acme-client";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { giveBackStartMemory } from "../base/start-memory.ts";
import type { PackageAnswer } from "./acme-package.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { NoncePool, nonceIn } from "./nonce-pool.ts";
import { problemIn } from "./problem.ts";
import type { AcmeReader } from "./reader.ts";
import type { AcmeDirectory } from "./resource.ts";
import type { AcmeAnswer, AcmeTransport } from "./transport.ts";

export interface SigningOptions {
  /** URL of the directory. */
  readonly directory: string;
  /** Stays the caller's: closing it is not done here. */
  readonly transport: AcmeTransport;
  /** PEM of the account's private key, EC or RSA. Never the key of a certificate. */
  readonly accountKey: string;
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

/** A request in the package's words. */
export type Work = (api: Client["api"], directory: AcmeDirectory) => Promise<PackageAnswer>;

/** Requests that a key signs (RFC 8555 §6.2-6.5): the nonces, the JWS, and what an answer is. */
export class Signing {
  readonly #options: SigningOptions;
  readonly #reader: AcmeReader;
  readonly #nonces: NoncePool;

  constructor(options: SigningOptions, reader: AcmeReader) {
    this.#options = options;
    this.#reader = reader;
    this.#nonces = new NoncePool(options.noncePoolMax);
  }

  /**
   * Makes one request; again only when its nonce was refused, or when what is asked has moved.
   *
   * @param account URL of the account that asks; without one the request carries its key.
   * @throws As every method of `AcmeClient` does.
   */
  async ask(
    action: string,
    account: string | undefined,
    signal: AbortSignal,
    work: Work,
  ): Promise<PackageAnswer> {
    return await this.#reader.withDirectory(signal, async (directory) => {
      try {
        const client = await this.#packageFor(action, account, directory, signal);
        return await work(client.api, directory);
      } catch (cause) {
        if (cause instanceof LatchkeyError || signal.aborted) throw cause;
        throw confused(action, messageOf(cause), cause);
      }
    });
  }

  /**
   * The content of a request that gives the account the key `to` (RFC 8555 §7.3.5): signed by that
   * key, without a nonce, so that nobody gets a key that somebody else holds.
   */
  async keyChange(to: string, url: string, account: string): Promise<object> {
    const { directory: directoryUrl, accountKey } = this.#options;
    const oldKey = createPublicKey(accountKey).export({ format: "jwk" });
    const { Client } = await loadPackage();
    const next = new Client({ directoryUrl, accountKey: to });
    return next.http.createSignedBody(url, { account, oldKey });
  }

  /**
   * The package's client for one request. It signs, and its HTTP is replaced by ours: one lives for
   * one request because the package has no place for an abort signal (it takes 0.07 ms, measured).
   */
  async #packageFor(
    action: string,
    accountUrl: string | undefined,
    directory: AcmeDirectory,
    signal: AbortSignal,
  ): Promise<Client> {
    const { directory: directoryUrl, accountKey, binding, badNonceRetries } = this.#options;
    const { Client } = await loadPackage();
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
        return {
          ...answer,
          url,
          data,
          headers: nonce === undefined ? {} : { "replay-nonce": nonce },
        };
      }
      this.#nonces.put(nonceIn(answer.headers));
      const hasBinding = binding !== undefined && url === directory.newAccountUrl;
      if (answer.status >= 300)
        throw problemIn(action, answer, this.#options.clock.now(), hasBinding);
      return { ...answer, url, data };
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
}

/**
 * With the first request: a start whose certificates are all stored goes without it, and without the time and the
 * memory that it takes, an HTTP client that nobody uses included.
 */
export async function loadPackage(): Promise<typeof import("acme-client")> {
  isLoaded ??= import("acme-client").finally(() => giveBackStartMemory(LOADED_REST_MS));
  return await isLoaded;
}

let isLoaded: Promise<typeof import("acme-client")> | undefined;
/** What loading has left is given back when the orders of a start are through, as a rule. */
const LOADED_REST_MS = 20_000;

/** The CA answered, and the answer makes no sense. */
export function confused(action: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError("ACME_PROTOCOL", `Cannot ${action}: ${why}`, {}, { cause });
}

/** By what it is, and not by its Content-Type, which CAs get wrong: no chain and no page is JSON. */
function dataIn({ body }: AcmeAnswer): unknown {
  return parseJson(body) ?? body;
}

function isBadNonce(status: number, data: unknown): boolean {
  return (
    status === 400 && isJsonObject(data) && data["type"] === "urn:ietf:params:acme:error:badNonce"
  );
}
