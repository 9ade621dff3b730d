import { boolean, contextPrimitive, type Der, octetString, oid, sequence, toDer } from "./der.ts";

/** One X.509 extension (RFC 5280 §4.1): `value` is wrapped as its DER in an OCTET STRING. */
export function extension(id: string, critical: boolean, value: Der): Der {
  const content = octetString(toDer(value));
  // DER leaves out a default: `critical FALSE` is never written.
  return critical ? sequence(oid(id), boolean(true), content) : sequence(oid(id), content);
}

/** The subjectAltName extension with these names as dNSName entries (RFC 5280 §4.2.1.6), in order. */
export function subjectAltName(names: readonly string[]): Der {
  const entries = names.map((name) => contextPrimitive(2, Buffer.from(name, "latin1")));
  return extension("2.5.29.17", false, sequence(...entries));
}
