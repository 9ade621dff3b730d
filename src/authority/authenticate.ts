import type { AcmeRequest } from "../acme/transport.ts";
import { type AccountKey, readJwk, readSegment } from "./account-key.ts";
import { type Fields, parseFields } from "./fields.ts";
import { checkSignature, type Jws, readJws } from "./jws.ts";
import type { Nonces } from "./nonces.ts";
import { Refusal } from "./refusal.ts";
import { resourceOf } from "./resources.ts";

/** A request that the holder of an account key has signed. */
export interface SignedRequest {
  readonly account: AccountKey;
  /** `undefined` for POST-as-GET (RFC 8555 §6.3). */
  readonly fields: Fields | undefined;
}

/** A request of any client takes a few KiB; the CSR of 100 long names under 40. */
const BODY_MAX_BYTES = 65_536;

/**
 * Checks everything that RFC 8555 §6.2-6.5 asks of a POST, the nonce included, which is spent by it.
 *
 * @param expects `jwk` at newAccount, `kid` everywhere else.
 * @throws {Refusal} Whatever is wrong first.
 */
export function authenticate(
  request: AcmeRequest,
  expects: Jws["signer"]["kind"],
  nonces: Nonces,
): SignedRequest {
  if (request.method !== "POST") {
    const extras = { status: 405, headers: { allow: "POST" } };
    throw new Refusal("malformed", "This resource is read by POST-as-GET only", extras);
  }
  if (request.headers["content-type"] !== "application/jose+json") {
    throw new Refusal("malformed", "The content is not application/jose+json", { status: 415 });
  }
  const body = request.body ?? "";
  if (Buffer.byteLength(body) > BODY_MAX_BYTES) {
    throw new Refusal("malformed", "The request is too large", { status: 413 });
  }
  const jws = readJws(body);
  if (!nonces.spend(jws.nonce)) throw new Refusal("badNonce", "The nonce is not one of ours");
  if (jws.url !== request.url) {
    throw new Refusal("unauthorized", "The request is signed for another URL");
  }
  const account = accountOf(jws, expects);
  checkSignature(jws, account);
  return { account, fields: readPayload(jws.payload) };
}

function accountOf({ signer }: Jws, expects: Jws["signer"]["kind"]): AccountKey {
  if (signer.kind !== expects) {
    throw new Refusal("malformed", `This resource takes requests signed by ${expects}`);
  }
  if (signer.kind === "jwk") return readJwk(signer.jwk);
  const resource = resourceOf(signer.kid);
  const account = resource?.kind === "account" ? readSegment(resource.key) : undefined;
  if (account === undefined) throw new Refusal("accountDoesNotExist", "No such account");
  return account;
}

function readPayload(payload: Buffer): Fields | undefined {
  if (payload.length === 0) return undefined;
  return parseFields(payload.toString("utf8"), "payload");
}
