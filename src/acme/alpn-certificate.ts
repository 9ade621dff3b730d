import { createHash, createPrivateKey, randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../base/clock.ts";
import type { UriHost } from "../base/uri-host.ts";
import {
  bitString,
  contextConstructed,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  toDer,
  utf8String,
} from "./der.ts";
import { extension, subjectAltName } from "./extension.ts";
import { createKey } from "./keys.ts";
import { publicKeyInfo, signatureAlgorithm, signed } from "./signed.ts";

const ACME_IDENTIFIER = "1.3.6.1.5.5.7.1.31";
const KEY_USAGE = "2.5.29.15";
const COMMON_NAME = "2.5.4.3";
/** Validators whose clock is behind ours must not find it in the future. */
const BACKDATED_MS = 86_400_000;
/** Longer than any order lives at a CA that still polls it. */
const LIFETIME_MS = 7 * 86_400_000;
/** RFC 5280 §4.1.2.2: at most 20, and hard to guess. */
const SERIAL_BYTES = 16;

/**
 * The certificate that answers a tls-alpn-01 challenge for `host` (RFC 8737 §3), with its own new
 * P-256 key; both PEM. Self-signed with subject = issuer, the name alone and byte-exact in the
 * subjectAltName, acmeIdentifier critical, each extension once: what Let's Encrypt checks beyond
 * the RFC. It may sign handshakes (keyUsage digitalSignature), without which clients refuse it in
 * TLS 1.2.
 */
export async function createAlpnCertificate(
  host: UriHost,
  keyAuthorization: string,
  clock: Clock = systemClock,
): Promise<{ readonly chain: string; readonly key: string }> {
  const keyPem = await createKey("ecdsa-p256");
  const key = createPrivateKey(keyPem);
  const now = clock.now();
  // Not the host: a common name ends at 64 characters, and nothing reads it.
  const name = sequence(set(sequence(oid(COMMON_NAME), utf8String("tls-alpn-01 challenge"))));
  const content = sequence(
    contextConstructed(0, integer(Buffer.of(2))),
    integer(randomBytes(SERIAL_BYTES)),
    signatureAlgorithm(key),
    name,
    sequence(time(now - BACKDATED_MS), time(now - BACKDATED_MS + LIFETIME_MS)),
    name,
    publicKeyInfo(key),
    contextConstructed(3, sequence(...extensionsFor(host, keyAuthorization))),
  );
  return { chain: pemOf(toDer(signed(content, key))), key: keyPem };
}

function extensionsFor(host: UriHost, keyAuthorization: string) {
  const digest = createHash("sha256").update(keyAuthorization).digest();
  return [
    extension(KEY_USAGE, true, bitString(Buffer.of(0x80), 7)),
    subjectAltName([host]),
    extension(ACME_IDENTIFIER, true, octetString(digest)),
  ];
}

function pemOf(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
