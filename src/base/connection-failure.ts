import { codeOf, messageOf } from "./errors.ts";

/** Why a connection could not be made, or did not last, whoever is at the other end ("it"). */
export interface ConnectionFailure {
  /** Half a sentence: `the connection was refused`. Without Node's advice about Node. */
  readonly words: string;
  /** For who knows which setting helps; `other`: none is known to. */
  readonly kind:
    | "unknown-issuer"
    | "other-name"
    | "dates"
    /** What answers does not speak TLS. */
    | "no-tls"
    /** It wants a certificate of ours. */
    | "certificate-wanted"
    /** It does not take the one that it was shown. */
    | "certificate-refused"
    | "other";
}

/** OpenSSL's names for the ways in which a chain is not trusted all look like one of these. */
const NOT_TRUSTED =
  /^(?:CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|ERR_TLS_CERT_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH)/;
const UNKNOWN_ISSUER = /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_)/;
/** What OpenSSL finds in place of a TLS record when an answer in plain text comes. */
const NO_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/;
/** Alerts of RFC 8446 §6.2. */
const CERTIFICATE_WANTED = /alert certificate required/;
const CERTIFICATE_REFUSED =
  /alert (?:bad certificate|unsupported certificate|certificate (?:revoked|expired|unknown)|unknown ca)/;
/** The names in a stranger's certificate are shown so far. */
const NAMES_MAX_CHARACTERS = 200;

/** What is known of `cause`, by the codes of Node.js, of the system and of OpenSSL. Never throws. */
export function connectionFailure(cause: unknown): ConnectionFailure {
  const code = codeOf(cause) ?? "";
  if (NOT_TRUSTED.test(code)) return distrust(cause, code);
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) return tlsFailure(cause, code);
  return { kind: "other", words: systemWords(cause, code) };
}

function distrust(cause: unknown, code: string): ConnectionFailure {
  const said = (why: string) => `its TLS certificate is not trusted (${why})`;
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return { kind: "other-name", words: said(`it is for another name: ${namesIn(cause)}`) };
    case "CERT_HAS_EXPIRED":
      return { kind: "dates", words: said("it has expired") };
    case "CERT_NOT_YET_VALID":
      return { kind: "dates", words: said("it is not valid yet") };
    default: {
      const kind = UNKNOWN_ISSUER.test(code) ? "unknown-issuer" : "other";
      return { kind, words: said(plainReason(cause)) };
    }
  }
}

/** `Host: x. is not in the cert's altnames: DNS:y`, behind a sentence that says the same. */
function namesIn(cause: unknown): string {
  const names = messageOf(cause).replace(/^[^:]*altnames: /, "");
  return names.length > NAMES_MAX_CHARACTERS ? `${names.slice(0, NAMES_MAX_CHARACTERS)}…` : names;
}

function tlsFailure(cause: unknown, code: string): ConnectionFailure {
  const why = plainReason(cause);
  if (NO_TLS.test(code)) return { kind: "no-tls", words: `it does not speak TLS (${why})` };
  if (CERTIFICATE_WANTED.test(why))
    return { kind: "certificate-wanted", words: `it wants a certificate of its clients (${why})` };
  if (CERTIFICATE_REFUSED.test(why))
    return { kind: "certificate-refused", words: `it does not take our certificate (${why})` };
  return { kind: "other", words: `TLS failed (${why})` };
}

function systemWords(cause: unknown, code: string): string {
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EAI_FAIL":
    case "EAI_NODATA":
      return `its name does not resolve (${code})`;
    case "ENOENT":
      return "there is no such socket";
    case "EACCES":
      return "this user may not connect to it";
    case "ECONNREFUSED":
      return "the connection was refused";
    case "ECONNRESET":
    case "EPIPE":
      return "it closed the connection before its answer was whole";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `there is no route to it (${code})`;
    case "ETIMEDOUT":
      return "the connection timed out";
    default:
      return messageOf(cause);
  }
}

/** What OpenSSL said, without where in its source it said so, and without Node's advice about Node; else the message. */
export function plainReason(cause: unknown): string {
  const message = messageOf(cause).trim();
  const [, reason] = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(message) ?? [];
  return reason ?? message.replace(/; if the root CA is installed locally.*/s, "");
}
