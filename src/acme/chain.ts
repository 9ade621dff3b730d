import { LatchkeyError } from "../base/errors.ts";

/** The longest real chains are 10 KiB. */
const CHAIN_MAX_CHARACTERS = 131_072;
/** A line of a certificate's block: base64, or its first or last line. No other label, no text between. */
const LINE = /^(?:-----(?:BEGIN|END) CERTIFICATE-----|[A-Za-z0-9+/]+={0,2}|)$/;
/** Such lines, in the order of whole blocks: an answer without a length may have been cut on its way. */
const BLOCKS = /^(?:-----BEGIN CERTIFICATE-----\n[^-]+\n-----END CERTIFICATE-----\n)+$/;
const BEGIN = "-----BEGIN CERTIFICATE-----";

/**
 * A chain as a CA sends it (`application/pem-certificate-chain`, RFC 8555 §9.1): certificates in PEM
 * and nothing else (§11.4), in Unix lines. Whether they belong together is for the caller to see.
 *
 * @throws {LatchkeyError} `ACME_PROTOCOL`.
 */
export function readChain(text: unknown): string {
  if (typeof text !== "string") throw refused("it is not text");
  if (text.length > CHAIN_MAX_CHARACTERS) throw refused("it is too long");
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  if (!lines.includes(BEGIN)) throw refused("it holds no certificate");
  if (!lines.every((line) => LINE.test(line))) throw refused("it holds more than certificates");
  const chain = `${lines.filter((line) => line !== "").join("\n")}\n`;
  if (!BLOCKS.test(chain)) throw refused("it holds a certificate that is cut");
  return chain;
}

function refused(why: string): LatchkeyError {
  return new LatchkeyError("ACME_PROTOCOL", `Cannot use the chain of the CA: ${why}`);
}
