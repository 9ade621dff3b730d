import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import {
  bitString,
  boolean,
  contextConstructed,
  contextPrimitive,
  type Der,
  integer,
  oid,
  sequence,
  set,
  time,
  toDer,
  utf8String,
} from "../../src/acme/der.ts";
import { extension, subjectAltName } from "../../src/acme/extension.ts";
import { publicKeyInfo, signatureAlgorithm, signed } from "../../src/acme/signed.ts";

/** A CA for tests: `makeAuthority()` for a root, with `parent` for an intermediate. */
export interface TestAuthority {
  readonly name: string;
  readonly key: KeyObject;
  /** Its own certificate, PEM: what a client trusts when it is a root. */
  readonly certificate: string;
  /** What a server sends after the leaf: the intermediates up to, but without, the root. */
  readonly path: string;
}

export interface CertificateOptions {
  /** dNSName entries, the first one also the common name. */
  readonly names: readonly string[];
  /** Self-signed unless given. */
  readonly issuer?: TestAuthority;
  /** Milliseconds since the epoch; an hour ago and in 90 days unless given. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** A fresh P-256 key unless given. */
  readonly key?: KeyObject;
  /** What it is for; a server unless given. */
  readonly purpose?: "server" | "client";
  /** Further extensions (RFC 5280 §4.2). */
  readonly extensions?: readonly Der[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** authorityInfoAccess with caIssuers (RFC 5280 §4.2.2.1). */
export const issuedElsewhere = extension(
  "1.3.6.1.5.5.7.1.1",
  false,
  sequence(
    sequence(
      oid("1.3.6.1.5.5.7.48.2"),
      contextPrimitive(6, Buffer.from("http://ca.example/intermediate.der")),
    ),
  ),
);

/** A fresh P-256 key. */
export function makeKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

/** A CA, with a fresh P-256 key unless given; valid from a day ago for ten years. */
export function makeAuthority(
  options: {
    readonly name?: string;
    readonly parent?: TestAuthority;
    readonly key?: KeyObject;
  } = {},
): TestAuthority {
  const { name = "Test root", parent, key = makeKey() } = options;
  const certificate = issue({
    subject: name,
    issuer: parent?.name ?? name,
    publicKey: key,
    signingKey: parent?.key ?? key,
    notBefore: Date.now() - DAY_MS,
    notAfter: Date.now() + 3_650 * DAY_MS,
    extensions: [
      extension("2.5.29.19", true, sequence(boolean(true))),
      // keyCertSign and cRLSign.
      extension("2.5.29.15", true, bitString(Buffer.of(0x06), 1)),
    ],
  });
  return { name, key, certificate, path: parent === undefined ? "" : certificate + parent.path };
}

/** A server certificate and its key, both PEM: `chain` is the leaf and the intermediates, without the root. */
export function makeCertificate(options: CertificateOptions): {
  readonly chain: string;
  readonly key: string;
} {
  const { key = makeKey() } = options;
  return {
    chain: certify({ ...options, key }),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** The chain alone; with an issuer, `key` may be the public half, as a CA gets it. */
export function certify(options: CertificateOptions & { readonly key: KeyObject }): string {
  const { names, issuer, key, purpose } = options;
  const subject = names[0] ?? "nameless";
  const leaf = issue({
    subject,
    issuer: issuer?.name ?? subject,
    publicKey: key,
    signingKey: issuer?.key ?? key,
    notBefore: options.notBefore ?? Date.now() - HOUR_MS,
    notAfter: options.notAfter ?? Date.now() + 90 * DAY_MS,
    extensions: [
      ...(names.length > 0 ? [subjectAltName(names)] : []),
      // serverAuth or clientAuth.
      extension(
        "2.5.29.37",
        false,
        sequence(oid(`1.3.6.1.5.5.7.3.${purpose === "client" ? 2 : 1}`)),
      ),
      ...(options.extensions ?? []),
    ],
  });
  return leaf + (issuer?.path ?? "");
}

interface Issuance {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Der[];
}

function issue(issuance: Issuance): string {
  const serial = randomBytes(16);
  const content = sequence(
    contextConstructed(0, integer(Buffer.of(2))),
    integer(serial),
    signatureAlgorithm(issuance.signingKey),
    commonName(issuance.issuer),
    sequence(time(issuance.notBefore), time(issuance.notAfter)),
    commonName(issuance.subject),
    publicKeyInfo(issuance.publicKey),
    contextConstructed(3, sequence(...issuance.extensions)),
  );
  const base64 = toDer(signed(content, issuance.signingKey)).toString("base64");
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function commonName(name: string): Der {
  return sequence(set(sequence(oid("2.5.4.3"), utf8String(name))));
}

/** The certificate with another serial number of the same length, its signature no longer fits: cheaper than a new one. */
export function renumbered(leaf: X509Certificate, number: number): X509Certificate {
  const der = Buffer.from(leaf.raw);
  const at = der.indexOf(Buffer.from(leaf.serialNumber, "hex"));
  der.writeUInt32BE(number, at + 8);
  return new X509Certificate(der);
}
