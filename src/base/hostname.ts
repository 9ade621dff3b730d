import { domainToASCII } from "node:url";

declare const brand: unique symbol;

/** A DNS name as RFC 5890 A-labels: lower case, no trailing dot, 1-253 bytes, never an IP address. */
export type Hostname = string & { readonly [brand]: "Hostname" };

/** RFC 1035 §2.3.4: a whole name in text form. */
const NAME_MAX_BYTES = 253;
/** Labels of letters, digits and inner hyphens, 1-63 bytes each. No underscore: such names get no certificate. */
const LABELS = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** RFC 6943 §3.1.1: what the URL standard would read as an IPv4 address ends in a number. An IPv6 one has colons. */
const ENDS_IN_NUMBER = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/;

/**
 * The only maker of a {@link Hostname}. Case, one trailing dot and Unicode (IDNA, to A-labels) are
 * normalised; everything else that is not a plain host name gives `undefined`: it is validated,
 * never repaired. A name of one label (`localhost`) is a name.
 */
export function parseHostname(text: string): Hostname | undefined {
  const plain = parsePlain(text);
  if (plain !== undefined) return plain;
  // Only text with a byte outside ASCII goes through IDNA: ASCII text is never mapped to another name.
  if (text.length > NAME_MAX_BYTES || !hasNonAscii(text)) return undefined;
  return parsePlain(domainToASCII(text));
}

/**
 * The maker for names that arrive in a ClientHello or a Host header, which RFC 6066 §3 and
 * RFC 9110 §4.2.3 bind to ASCII: the same as {@link parseHostname} without IDNA.
 */
export function parsePlain(text: string): Hostname | undefined {
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > NAME_MAX_BYTES || hasNonAscii(text)) return undefined;
  if (ENDS_IN_NUMBER.test(name)) return undefined;
  return LABELS.test(name) ? (name as Hostname) : undefined;
}

/** The name one label up, which a one-label wildcard of that parent would cover; `undefined` at the top. */
export function parentOf(host: Hostname): Hostname | undefined {
  const dot = host.indexOf(".");
  return dot === -1 ? undefined : (host.slice(dot + 1) as Hostname);
}

/** Is `host` the suffix itself, or a name under it? Compared by whole labels. */
export function isUnder(host: string, suffix: string): boolean {
  return host === suffix || host.endsWith(`.${suffix}`);
}

function hasNonAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (text.charCodeAt(index) > 0x7f) return true;
  }
  return false;
}
