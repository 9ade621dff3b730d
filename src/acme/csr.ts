import { createPrivateKey } from "node:crypto";
import { contextConstructed, integer, oid, sequence, set, toDer } from "./der.ts";
import { subjectAltName } from "./extension.ts";
import { publicKeyInfo, signed } from "./signed.ts";

const EXTENSION_REQUEST = "1.2.840.113549.1.9.14";

/**
 * A certification request (RFC 2986), DER, as RFC 8555 §7.4 wants it at finalize. The subject is
 * empty and the names stand in the subjectAltName alone: names longer than the 64 characters of a
 * common name are as good as others.
 *
 * @param names The identifiers of the order, exactly: A-labels in lower case, or addresses.
 * @param keyPem The key to certify, EC or RSA; never the account's (RFC 8555 §11.1).
 */
export function createCsr(names: readonly string[], keyPem: string): Buffer {
  const key = createPrivateKey(keyPem);
  const extensions = sequence(oid(EXTENSION_REQUEST), set(sequence(subjectAltName(names))));
  const content = sequence(
    integer(Buffer.of(0)),
    sequence(),
    publicKeyInfo(key),
    contextConstructed(0, extensions),
  );
  return toDer(signed(content, key));
}
