import { X509Certificate } from "node:crypto";
import { LatchkeyError } from "../base/errors.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { PackageAnswer } from "./acme-package.ts";
import { readChain } from "./chain.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { linksIn } from "./link.ts";
import { AcmeProblem } from "./problem.ts";
import { AcmeReader } from "./reader.ts";
import {
  type AcmeAuthorization,
  type AcmeDirectory,
  type AcmeOrder,
  readAuthorization,
  readOrder,
} from "./resource.ts";
import { parseRetryAfter } from "./retry-after.ts";
import { confused, Signing, type SigningOptions, type Work } from "./signing.ts";
import { thumbprintOf } from "./thumbprint.ts";

export type {
  AcmeAuthorization,
  AcmeChallenge,
  AcmeDirectory,
  AcmeOrder,
} from "./resource.ts";

export interface AcmeClientOptions extends SigningOptions {
  /** The account's URL, when it was made before. */
  readonly accountUrl?: string | undefined;
}

/** What an order is placed for. */
export interface NewOrder {
  readonly names: readonly string[];
  /** One of the directory's profiles. */
  readonly profile?: string | undefined;
  /** The CertID of the certificate that this one takes over from (RFC 9773 §5). */
  readonly replaces?: string | undefined;
}

/** A certificate as the CA offers it. Nothing in it is verified. */
export interface AcmeCertificate {
  /** PEM, leaf first, certificates and nothing else. */
  readonly chain: string;
  /** URLs of the same certificate with other chains (RFC 8555 §7.4.2), in the CA's order. */
  readonly alternates: readonly string[];
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
  readonly #thumbprint: string;
  readonly #reader: AcmeReader;
  readonly #signing: Signing;
  #accountUrl: string | undefined;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    this.#thumbprint = thumbprintOf(options.accountKey);
    this.#reader = new AcmeReader(options);
    this.#signing = new Signing(options, this.#reader);
    this.#accountUrl = options.accountUrl;
  }

  /** The account that requests are signed for; `undefined` before there is one. */
  get accountUrl(): string | undefined {
    return this.#accountUrl;
  }

  /** What the CA offers; asked for once, and again after a day, or where it `lacks` what is wanted. */
  directory(
    signal: AbortSignal,
    lacks?: (directory: AcmeDirectory) => boolean,
  ): Promise<AcmeDirectory> {
    return this.#reader.directory(signal, lacks);
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
    const isUnbound = !onlyReturnExisting && this.#options.binding === undefined;
    const isClosed = (directory: AcmeDirectory) => isUnbound && directory.externalAccountRequired;
    if (isClosed(await this.directory(signal, isClosed))) {
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
    const answer = await this.#signing.ask(action, this.#accountUrl, signal, (api) =>
      api.createAccount(asked),
    );
    this.#accountUrl = locationOf(action, answer);
    return this.#accountUrl;
  }

  /** How the CA has our account: `valid`, `deactivated`, `revoked` (RFC 8555 §7.1.2), or in words of its own. */
  async accountStatus(signal: AbortSignal): Promise<string> {
    const action = "read the account";
    const answer = await this.#askAsAccount(action, signal, (api) =>
      api.apiRequest(this.#accountUrl ?? "", undefined, [200]),
    );
    const status = isJsonObject(answer.data) ? answer.data["status"] : undefined;
    if (typeof status === "string") return status;
    throw confused(action, "its answer has no status");
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

  /** The certificate of a valid order. */
  async certificate(
    { certificate: url, status }: AcmeOrder,
    signal: AbortSignal,
  ): Promise<AcmeCertificate> {
    if (url === undefined) throw confused(DOWNLOAD, `the order is ${status}`);
    const { data, headers } = await this.#download(url, signal);
    const alternates = linksIn(headers["link"], "alternate");
    return {
      chain: readChain(data),
      alternates: alternates.flatMap((alternate) => absolute(alternate, url) ?? []),
    };
  }

  /** The chain behind one of the alternates of a certificate: PEM like its own. */
  async chain(url: string, signal: AbortSignal): Promise<string> {
    return readChain((await this.#download(url, signal)).data);
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
    const certificate = new X509Certificate(chainPem).raw.toString("base64url");
    try {
      await this.#askAsAccount(action, signal, async (api, { revokeCertUrl }) => {
        if (revokeCertUrl === undefined) throw noRevocations(action);
        return agreed(action, await api.apiRequest(revokeCertUrl, { certificate, reason }, [200]));
      });
    } catch (error) {
      if (!(error instanceof AcmeProblem) || error.type !== ALREADY_REVOKED) throw error;
    }
  }

  /**
   * Gives the account another key (RFC 8555 §7.3.5). When the CA agrees, this client, which signs with the key
   * of before, can do nothing more; when no answer comes, only the CA knows which key counts.
   *
   * @param to PEM of the new private key, used for nothing else.
   */
  async changeKey(to: string, signal: AbortSignal): Promise<void> {
    const action = "change the key of the account";
    await this.#askAsAccount(action, signal, async (api, { keyChangeUrl }) => {
      if (keyChangeUrl === undefined) throw confused(action, "the CA does not offer it");
      const change = await this.#signing.keyChange(to, keyChangeUrl, this.#accountUrl ?? "");
      return agreed(action, await api.apiRequest(keyChangeUrl, change, [200]));
    });
  }

  /** What proves control with a token: `token.thumbprint` (RFC 8555 §8.1). Secret until answered. */
  keyAuthorization(token: string): string {
    return `${token}.${this.#thumbprint}`;
  }

  /** A request that only an account may make. */
  #askAsAccount(action: string, signal: AbortSignal, work: Work): Promise<PackageAnswer> {
    if (this.#accountUrl === undefined) throw new TypeError(`Cannot ${action}: no account yet`);
    return this.#signing.ask(action, this.#accountUrl, signal, work);
  }

  #download(url: string, signal: AbortSignal): Promise<PackageAnswer> {
    return this.#askAsAccount(DOWNLOAD, signal, (api) => api.apiRequest(url, undefined, [200]));
  }

  #retryAfter({ headers }: { readonly headers: Readonly<Record<string, string>> }) {
    return parseRetryAfter(headers["retry-after"], this.#options.clock.now());
  }
}

const DOWNLOAD = "download a certificate";
const ALREADY_REVOKED = "urn:ietf:params:acme:error:alreadyRevoked";

function locationOf(action: string, { headers, url: asked }: PackageAnswer): string {
  const { location } = headers;
  const url = location === undefined ? undefined : absolute(location, asked);
  // Kept on disk, another one would be in the way for good: nothing else is spoken to a CA.
  if (url?.startsWith("https://")) return url;
  throw confused(action, `its answer has no Location${url === undefined ? "" : " of https"}`);
}

/** Relative to what was asked (RFC 9110 §10.2.2); word for word when it is absolute, for it is signed. */
function absolute(url: string, asked: string): string | undefined {
  return URL.canParse(url) ? url : URL.parse(url, asked)?.href;
}

/** Nothing has to stand in a yes (RFC 8555 §7.3.5, §7.6); the page of a gateway in front of the CA is none. */
function agreed(action: string, answer: PackageAnswer): PackageAnswer {
  const { data } = answer;
  const isPage = typeof data === "string" && data.trim() !== "" && parseJson(data) === undefined;
  if (!isPage) return answer;
  throw confused(action, "its answer is neither empty nor JSON");
}

function noRevocations(action: string): LatchkeyError {
  return new LatchkeyError("ACME_REVOCATION_UNKNOWN", `Cannot ${action}: the CA does not offer it`);
}
