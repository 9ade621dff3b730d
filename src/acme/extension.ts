import { isIpAddress, octetsOf } from "../base/ip-address.ts";
import { boolean, contextPrimitive, type Der, octetString, oid, sequence, toDer } from "./der.ts";

/** One X.509 extension (RFC 5280 §4.1): `value` is wrapped as its DER in an OCTET STRING. */
export function extension(id: string, critical: boolean, value: Der): Der {
  const content = octetString(toDer(value));
  // DER leaves out a default: `critical FALSE` is never written.
  return critical ? sequence(oid(id), boolean(true), content) : sequence(oid(id), content);
}

/** The subjectAltName extension with these names and addresses (RFC 5280 §4.2.1.6), in order. */
export function subjectAltName(names: readonly string[]): Der {
  return extension("2.5.29.17", false, generalNames(names));
}

/** Names as dNSName, addresses as iPAddress: the value of a subjectAltName. */
export function generalNames(names: readonly string[]): Der {
  return sequence(...names.map(generalName));
}

function generalName(name: string): Der {
  const isAddress = isIpAddress(name);
  return contextPrimitive(
    isAddress ? 7 : 2,
    isAddress ? octetsOf(name) : Buffer.from(name, "latin1"),
  );
}
