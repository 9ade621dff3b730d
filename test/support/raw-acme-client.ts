import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import type { AcmeAnswer, AcmeTransport } from "../../src/acme/transport.ts";

/** What a signed request may get wrong on purpose. */
export interface RequestFaults {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly dropHeader?: readonly string[];
  readonly envelope?: Readonly<Record<string, unknown>>;
  readonly contentType?: string;
  readonly method?: "GET" | "HEAD" | "POST";
  /** The raw body instead of a JWS. */
  readonly body?: string;
  /** Changes the signature. */
  readonly breakSignature?: boolean;
  /** Signs with another key than the header says. */
  readonly signWith?: KeyObject;
}

/** An ACME client made by hand, so that a test can break any part of any request. */
export class RawAcmeClient {
  readonly key: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
  kid: string | undefined;
  readonly #transport: AcmeTransport;
  readonly #directoryUrl: string;

  constructor(
    authority: { readonly transport: AcmeTransport; readonly directory: string },
    key: KeyObject = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  ) {
    this.#transport = authority.transport;
    this.#directoryUrl = authority.directory;
    this.key = key;
    this.jwk = { ...createPublicKey(key).export({ format: "jwk" }) };
  }

  get thumbprint(): string {
    const { kty, crv, x, y, e, n } = this.jwk;
    const members = kty === "EC" ? { crv, kty, x, y } : { e, kty, n };
    return createHash("sha256").update(JSON.stringify(members)).digest("base64url");
  }

  fetch(
    url: string,
    method: "GET" | "HEAD" | "POST" = "GET",
    headers: Readonly<Record<string, string>> = {},
    body?: string,
  ): Promise<AcmeAnswer> {
    return this.#transport.request({ method, url, headers, body }, AbortSignal.timeout(10_000));
  }

  async directory(): Promise<Readonly<Record<string, string>>> {
    return JSON.parse((await this.fetch(this.#directoryUrl)).body);
  }

  async nonce(): Promise<string> {
    const { newNonce = "" } = await this.directory();
    return (await this.fetch(newNonce, "HEAD")).headers["replay-nonce"] ?? "";
  }

  /** A signed POST; without payload it is a POST-as-GET. */
  async post(url: string, payload?: unknown, faults: RequestFaults = {}): Promise<AcmeAnswer> {
    const isEc = this.jwk["kty"] === "EC";
    const signer = this.kid === undefined ? { jwk: this.jwk } : { kid: this.kid };
    const header: Record<string, unknown> = {
      alg: isEc ? "ES256" : "RS256",
      nonce: await this.nonce(),
      url,
      ...signer,
      ...faults.header,
    };
    for (const name of faults.dropHeader ?? []) delete header[name];
    const encode = (text: string) => Buffer.from(text).toString("base64url");
    const encodedHeader = encode(JSON.stringify(header));
    const encodedPayload = payload === undefined ? "" : encode(JSON.stringify(payload));
    const signature = sign("sha256", Buffer.from(`${encodedHeader}.${encodedPayload}`), {
      key: faults.signWith ?? this.key,
      dsaEncoding: "ieee-p1363",
    });
    if (faults.breakSignature === true) signature.writeUInt8(signature.readUInt8(9) ^ 1, 9);
    const envelope = {
      protected: encodedHeader,
      payload: encodedPayload,
      signature: signature.toString("base64url"),
      ...faults.envelope,
    };
    const headers = { "content-type": faults.contentType ?? "application/jose+json" };
    return this.fetch(
      url,
      faults.method ?? "POST",
      headers,
      faults.body ?? JSON.stringify(envelope),
    );
  }

  async register(payload: unknown = { termsOfServiceAgreed: true }): Promise<AcmeAnswer> {
    const { newAccount = "" } = await this.directory();
    const answer = await this.post(newAccount, payload);
    this.kid = answer.headers["location"];
    return answer;
  }

  async order(names: readonly string[], more: object = {}): Promise<AcmeAnswer> {
    const { newOrder = "" } = await this.directory();
    const identifiers = names.map((value) => ({ type: "dns", value }));
    return this.post(newOrder, { identifiers, ...more });
  }
}

/** The status of an answer and the last part of its problem type. */
export function refusalIn({ status, headers, body }: AcmeAnswer): string {
  const isProblem = headers["content-type"] === "application/problem+json";
  const type: unknown = isProblem ? JSON.parse(body).type : "no problem";
  return `${status} ${String(type).replace("urn:ietf:params:acme:error:", "")}`;
}
