import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { type Credential, certificatesIn, readCredential } from "./credential.ts";
import { LatchkeyError, messageOf, unreachable } from "./errors.ts";
import { readRegularFile } from "./regular-file.ts";

/** No PEM file of a host is longer. */
const FILE_MAX_BYTES = 262_144;
/** OpenSSL takes keys of these curves, and RSA keys of as many bits, at every level of security that Node sets. */
const USUAL_CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];
const USUAL_RSA_BITS = 2_048;

/**
 * As {@link readCredential}, for what no CA of ours has issued: OpenSSL must take it too. Asking OpenSSL costs a
 * millisecond, so that keys which it always takes are not asked about.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID`, with what does not fit, and `part` among its facts.
 */
export function readGivenCredential(chain: string, key: string): Credential {
  const credential = readCredential(chain, key);
  if (certificatesIn(chain).every((pem) => hasUsualKey(new X509Certificate(pem))))
    return credential;
  try {
    createSecureContext({ cert: chain, key });
    return credential;
  } catch (cause) {
    const why = messageOf(cause).split(":").at(-1);
    throw new LatchkeyError(
      "CERTIFICATE_INVALID",
      `Cannot use the certificate: OpenSSL refuses it (${why})`,
      { part: "chain" },
      { cause },
    );
  }
}

/** Files given by hand for a host; absolute paths. */
export interface GivenFiles {
  readonly chain: string;
  readonly key: string;
}

/**
 * The text of one of them: of a file of at most 256 KiB, or a link to one.
 *
 * @throws {LatchkeyError} `CERTIFICATE_INVALID` for anything else, with why, and `part` among its facts.
 */
export async function readGivenFile(files: GivenFiles, part: keyof GivenFiles): Promise<string> {
  const invalid = (why: string, cause?: unknown) =>
    new LatchkeyError(
      "CERTIFICATE_INVALID",
      `Cannot use the certificate: ${why}`,
      { part },
      { cause },
    );
  const reading = await readRegularFile(files[part], FILE_MAX_BYTES, { links: "followed" }).catch(
    (cause: unknown) => {
      throw invalid(messageOf(cause), cause);
    },
  );
  switch (reading.kind) {
    case "read":
      return reading.bytes.toString("utf8");
    case "not-a-file":
      throw invalid("it is not a file");
    case "too-large":
      throw invalid("the file is larger than 256 KiB");
    default:
      return unreachable(reading);
  }
}

/** What a chain and a key are known by together, where several hosts name the same files. */
export function pairKey({ chain, key }: GivenFiles): string {
  return `${chain}\u0000${key}`; // no path has one
}

function hasUsualKey({ publicKey }: X509Certificate): boolean {
  const { namedCurve = "", modulusLength = 0 } = publicKey.asymmetricKeyDetails ?? {};
  return USUAL_CURVES.includes(namedCurve) || modulusLength >= USUAL_RSA_BITS;
}
