import { verify } from "node:crypto";
import { type AccountKey, ALGORITHMS } from "./account-key.ts";
import { decodeBase64Url, type Fields, isFields, parseFields, textField } from "./fields.ts";
import { Refusal } from "./refusal.ts";

/** A request body in JWS, read but not believed: the signature has not been looked at. */
export interface Jws {
  readonly algorithm: string;
  readonly nonce: string;
  readonly url: string;
  readonly signer:
    | { readonly kind: "jwk"; readonly jwk: Fields }
    | { readonly kind: "kid"; readonly kid: string };
  readonly payload: Buffer;
  readonly signedText: string;
  readonly signature: Buffer;
}

/** The members of the flattened serialisation that RFC 8555 §6.2 allows: no `header`, no `signatures`. */
const MEMBERS = new Set(["protected", "payload", "signature"]);

/**
 * Reads the flattened JSON serialisation of a JWS as RFC 8555 §6.2 restricts it.
 * @throws {Refusal} `malformed`, or `badSignatureAlgorithm` with the algorithms that are accepted.
 */
export function readJws(body: string): Jws {
  const envelope = parseFields(body, "request body");
  if (Object.keys(envelope).some((name) => !MEMBERS.has(name))) {
    throw new Refusal("malformed", "The JWS has other members than protected, payload, signature");
  }
  const encodedHeader = textField(envelope, "protected", "JWS");
  const encodedPayload = textField(envelope, "payload", "JWS");
  const headerText = decodeBase64Url(encodedHeader, "protected header").toString("utf8");
  const header = parseFields(headerText, "protected header");
  // RFC 7515 §4.1.11: an extension that must be understood and is not.
  if ("crit" in header) throw new Refusal("malformed", "The JWS uses extensions");
  return {
    algorithm: readAlgorithm(header),
    nonce: textField(header, "nonce", "protected header"),
    url: textField(header, "url", "protected header"),
    signer: readSigner(header),
    payload: decodeBase64Url(encodedPayload, "payload"),
    signedText: `${encodedHeader}.${encodedPayload}`,
    signature: decodeBase64Url(textField(envelope, "signature", "JWS"), "signature"),
  };
}

/**
 * Did the holder of `key` sign this?
 * @throws {Refusal} `badSignatureAlgorithm` when the algorithm is not the key's, `malformed` when the signature is wrong.
 */
export function checkSignature(jws: Jws, key: AccountKey): void {
  if (jws.algorithm !== key.algorithm) throw badAlgorithm(`does not go with the account key`);
  const publicKey = { key: key.publicKey, dsaEncoding: "ieee-p1363" } as const;
  if (!verify("sha256", Buffer.from(jws.signedText, "latin1"), publicKey, jws.signature)) {
    throw new Refusal("malformed", "The signature of the JWS does not verify");
  }
}

function readAlgorithm(header: Fields): string {
  const algorithm = textField(header, "alg", "protected header");
  if (!ALGORITHMS.some((known) => known === algorithm)) throw badAlgorithm("is not accepted");
  return algorithm;
}

function readSigner(header: Fields): Jws["signer"] {
  const { jwk, kid } = header;
  if (isFields(jwk) && kid === undefined) return { kind: "jwk", jwk };
  if (typeof kid === "string" && jwk === undefined) return { kind: "kid", kid };
  throw new Refusal("malformed", "The protected header needs either a jwk or a kid");
}

function badAlgorithm(why: string): Refusal {
  return new Refusal("badSignatureAlgorithm", `The algorithm of the JWS ${why}`, {
    members: { algorithms: ALGORITHMS },
  });
}
