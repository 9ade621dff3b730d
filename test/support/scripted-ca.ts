import assert from "node:assert/strict";
import { createHash, createPublicKey, verify } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { AcmeAnswer, AcmeRequest, AcmeTransport } from "../../src/acme/transport.ts";

/** What a script says to one request; status 200 and an empty object unless given. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string as it stands, as `text/html` unless a header says otherwise. */
  readonly body?: unknown;
}

/** A signed request as the CA understood it. */
export interface SeenPost {
  readonly path: string;
  readonly nonce: string;
  /** The account's URL, or `undefined` when the request carried its key. */
  readonly kid: string | undefined;
  /** `undefined` for a POST-as-GET. */
  readonly payload: unknown;
}

/**
 * A CA in one process that says what its script says, and holds every request to RFC 8555 §6: a
 * method, a field, a `url`, a signature or an account that is not as it must be fails the test; a nonce
 * that was not given or was used before is refused as `badNonce`.
 */
export class ScriptedCa implements AcmeTransport {
  readonly directory = urlOf("/directory");
  /** `GET /directory`, `HEAD /nonce`, `POST /order/1` …, in order. */
  readonly requests: string[] = [];
  readonly posts: SeenPost[] = [];
  /** Every nonce given so far, oldest first. */
  readonly nonces: string[] = [];
  readonly #unused = new Set<string>();
  readonly #scripts = new Map<string, ScriptedAnswer[]>();
  readonly #accounts = new Map<string, Jwk>();
  #refusalsLeft = 0;

  constructor() {
    this.script("/directory", {
      body: {
        newNonce: urlOf("/nonce"),
        newAccount: urlOf("/account"),
        newOrder: urlOf("/order"),
        keyChange: urlOf("/key-change"),
        renewalInfo: urlOf("/renewal"),
      },
    });
    this.script("/nonce", {});
  }

  /** What to say to requests for a path; of several answers the last one is said again and again. */
  script(path: string, ...answers: readonly ScriptedAnswer[]): void {
    this.#scripts.set(path, [...answers]);
  }

  /** Refuse the nonces of the next `count` POSTs, good or not. */
  refuseNonces(count: number): void {
    this.#refusalsLeft = count;
  }

  async request(asked: AcmeRequest, signal: AbortSignal): Promise<AcmeAnswer> {
    signal.throwIfAborted();
    const { pathname } = new URL(asked.url);
    this.requests.push(`${asked.method} ${pathname}`);
    const answer = asked.method === "POST" ? this.#post(asked, pathname) : this.#scripted(pathname);
    return written(answer, asked.method === "GET" ? {} : { "replay-nonce": this.#giveNonce() });
  }

  #post(request: AcmeRequest, path: string): ScriptedAnswer {
    assert.equal(request.headers["content-type"], "application/jose+json");
    const jws = JSON.parse(request.body ?? "");
    assert.deepEqual(Object.keys(jws).sort(), ["payload", "protected", "signature"]);
    const header = JSON.parse(decoded(jws.protected));
    assert.equal(header.alg, "ES256");
    assert.equal(header.url, request.url);
    assert.ok((header.kid === undefined) !== (header.jwk === undefined), "either kid or jwk");
    const jwk = header.jwk ?? this.#accounts.get(header.kid);
    assert.ok(jwk, `there is no account ${header.kid}`);
    assert.ok(isSignedBy(jwk, jws), "the signature is good");

    const payload = jws.payload === "" ? undefined : JSON.parse(decoded(jws.payload));
    this.posts.push({ path, nonce: header.nonce, kid: header.kid, payload });
    const isRefused = !this.#unused.delete(header.nonce) || this.#refusalsLeft > 0;
    this.#refusalsLeft = Math.max(0, this.#refusalsLeft - 1);
    if (isRefused) return problem(400, "badNonce");
    const isScripted = this.#scripts.has(path);
    if (isScripted) return this.#scripted(path);
    if (path === "/key-change") return this.#changeKey(header.kid, jwk, payload);
    return path === "/account" ? this.#account(jwk, payload) : this.#scripted(path);
  }

  /** RFC 8555 §7.3: the account of a key is made once, and found again by its key. */
  #account(jwk: Jwk, payload: unknown): ScriptedAnswer {
    const id = createHash("sha256").update(JSON.stringify(jwk)).digest("hex").slice(0, 8);
    const known = [...this.#accounts].find(([, key]) => isDeepStrictEqual(key, jwk))?.[0];
    const location = known ?? urlOf(`/account/${id}`);
    const isKnown = known !== undefined;
    if (!isKnown && Object(payload).onlyReturnExisting === true) {
      return problem(400, "accountDoesNotExist");
    }
    this.#accounts.set(location, jwk);
    return { status: isKnown ? 200 : 201, headers: { location }, body: { status: "valid" } };
  }

  /** RFC 8555 §7.3.5: the new key signs what the old one asks for. */
  #changeKey(account: string, oldKey: Jwk, jws: unknown): ScriptedAnswer {
    const { protected: head, payload, ...rest } = Object(jws);
    assert.deepEqual(Object.keys(rest), ["signature"]);
    const { jwk, ...header } = JSON.parse(decoded(head));
    assert.deepEqual(header, { alg: "ES256", url: urlOf("/key-change") });
    assert.ok(isSignedBy(jwk, Object(jws)), "the new key signs");
    assert.deepEqual(JSON.parse(decoded(payload)), { account, oldKey });
    const owner = [...this.#accounts].find(([, key]) => isDeepStrictEqual(key, jwk))?.[0];
    if (owner !== undefined) return { ...problem(409, "malformed"), headers: { location: owner } };
    this.#accounts.set(account, jwk);
    return {};
  }

  #scripted(path: string): ScriptedAnswer {
    const answers = this.#scripts.get(path);
    assert.ok(answers, `nothing is scripted for ${path}`);
    const [next] = answers.length > 1 ? answers.splice(0, 1) : answers;
    return next ?? {};
  }

  #giveNonce(): string {
    const nonce = `nonce-${this.nonces.length + 1}`;
    this.nonces.push(nonce);
    this.#unused.add(nonce);
    return nonce;
  }
}

/** The URL of a path at the scripted CA. */
export function urlOf(path: string): string {
  return `https://ca.test${path}`;
}

/** A problem document of a type of RFC 8555 §6.7, as an answer. */
export function problem(
  status: number,
  type: string,
  more: { readonly headers?: Readonly<Record<string, string>>; readonly body?: object } = {},
): ScriptedAnswer {
  return {
    status,
    headers: { "content-type": "application/problem+json", ...more.headers },
    body: { type: `urn:ietf:params:acme:error:${type}`, detail: `${type} it is`, ...more.body },
  };
}

type Jwk = Readonly<Record<string, string>>;

function isSignedBy(jwk: Jwk, jws: Readonly<Record<string, string>>): boolean {
  const key = createPublicKey({ key: jwk, format: "jwk" });
  const content = Buffer.from(`${jws["protected"]}.${jws["payload"]}`);
  const signature = Buffer.from(jws["signature"] ?? "", "base64url");
  return verify("sha256", content, { key, dsaEncoding: "ieee-p1363" }, signature);
}

function decoded(base64url: string): string {
  assert.match(base64url, /^[A-Za-z0-9_-]*$/);
  return Buffer.from(base64url, "base64url").toString();
}

function written(
  { status = 200, headers = {}, body = {} }: ScriptedAnswer,
  more: Readonly<Record<string, string>>,
): AcmeAnswer {
  const isText = typeof body === "string";
  return {
    status,
    headers: { "content-type": isText ? "text/html" : "application/json", ...more, ...headers },
    body: isText ? body : JSON.stringify(body),
  };
}
