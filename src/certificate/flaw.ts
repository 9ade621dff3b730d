import type { CertificateRecord } from "../base/certificate-record.ts";
import { covers } from "../base/credential.ts";
import { formatTime } from "../base/format-time.ts";
import type { GivenFiles } from "../base/given-credential.ts";
import { parentOf, parseHostname } from "../base/hostname.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { Given } from "./manual.ts";
import { foreignRecord } from "./records.ts";

/** What can be wrong with a certificate given by hand, the worst first. */
export type FlawKind =
  /** It is not served: a file that cannot be read, or no certificate with its key. */
  | "unusable"
  /** The rest is served as it is. It is for other hosts: clients turn it down. */
  | "misnamed"
  | "expired"
  /** Its life has not begun. */
  | "early"
  /** Its files were good and are not any more: what they held before is served, by this program alone. */
  | "spoilt"
  /** Little of its life is left. */
  | "expiring"
  /** The certificate that issued it is missing behind it: clients that do not know that one turn it down. */
  | "cut"
  /** Of a wildcard host it names single hosts alone, so that clients of all others turn it down. */
  | "narrow";

/** One thing that is wrong with a certificate given by hand. */
export interface Flaw {
  readonly kind: FlawKind;
  /** For programs. */
  readonly code: string;
  /** Which of the two files holds it. */
  readonly part: keyof GivenFiles;
  /** What is wrong, in a sentence without its full stop. */
  readonly detail: string;
  /** What would be right, to go on with after "wanted". */
  readonly wanted: string;
  /** Milliseconds since the epoch: since when, as far as it is known. */
  readonly at: number;
}

/** By which time and whose patience flaws are found. */
export interface FlawJudging {
  readonly now: number;
  /** See `alerts.expiresWithin`. */
  readonly expiresWithin: number;
}

const CODES: Readonly<Record<FlawKind, string>> = {
  unusable: "CERTIFICATE_INVALID",
  misnamed: "CERTIFICATE_MISNAMED",
  expired: "CERTIFICATE_EXPIRED",
  early: "CERTIFICATE_NOT_YET_VALID",
  spoilt: "CERTIFICATE_INVALID",
  expiring: "CERTIFICATE_EXPIRING",
  cut: "CERTIFICATE_CUT",
  narrow: "CERTIFICATE_NARROW",
};

/** The worst first. */
const KINDS = Object.keys(CODES);

const WANTED: Readonly<Record<keyof GivenFiles, string>> = {
  chain: "PEM certificates, the host's own first, then those that issued it",
  key: "the PEM key of the first certificate of the chain, without a passphrase",
};

/** Names that are told; a certificate may have a hundred. */
const NAMED_MAX = 5;

/** Is it one that the configuration should not have: the wrong file, not the wrong time? */
export function isFault({ kind }: Flaw): boolean {
  return kind === "unusable" || kind === "misnamed";
}

/** Do clients get no certificate because of it, or one that they turn down? */
export function isGrave({ kind }: Flaw): boolean {
  return kind !== "spoilt" && kind !== "expiring" && kind !== "cut" && kind !== "narrow";
}

/** Everything that is wrong with the certificate of a host, the worst first. Pure. */
export function flawsOf(given: Given, judging: FlawJudging): readonly Flaw[] {
  const { pair, readAt } = given;
  if (pair.kind === "unusable") {
    const { part, why } = pair;
    const wanted = WANTED[part];
    return [{ kind: "unusable", code: CODES.unusable, part, detail: why, wanted, at: readAt }];
  }
  const found = [
    ...ofNames(given, pair.names),
    ...ofDates(given, pair, judging),
    ...ofChain(given),
    ...ofFiles(given),
  ];
  return found.toSorted((one, other) => KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind));
}

/** The row of such a host as people and programs see it: what is served is `manual`, with what is grave, or will be after a start, as its error. */
export function recordOfGiven(given: Given, now: number): CertificateRecord {
  const { host, pair } = given;
  const [flaw] = flawsOf(given, { now, expiresWithin: 0 }).filter(
    (each) => isGrave(each) || each.kind === "spoilt",
  );
  const state = pair.kind === "unusable" ? "failed" : "manual";
  const lastError = flaw && {
    type: flaw.code,
    detail: flaw.detail,
    hint: remedyOf(given, flaw),
    at: formatTime(flaw.at),
  };
  const facts = pair.kind === "usable" && {
    serial: pair.serial,
    notBefore: formatTime(pair.notBefore),
    notAfter: formatTime(pair.notAfter),
  };
  return { ...foreignRecord(host, state), ...facts, lastError: lastError ?? null };
}

/** What a person can do about it, in a sentence. */
export function remedyOf({ files }: Given, { kind, part, wanted }: Flaw): string {
  const both = `${files.chain} and ${files.key}`;
  const where = kind === "unusable" || kind === "spoilt" || kind === "cut" ? files[part] : both;
  return kind === "early"
    ? `See whether this machine's clock is right, or put into ${both} another certificate and its key, then run: latchkey reload`
    : `Put into ${where} ${wanted}, then run: latchkey reload`;
}

function ofNames(given: Given, names: readonly string[]): readonly Flaw[] {
  const { host, pattern, readAt: at } = given;
  const flaw = (kind: FlawKind, detail: string) => {
    const wanted = `a certificate for ${pattern.kind === "catch-all" ? "the hosts that it is shown to" : host} and its key`;
    return [{ kind, code: CODES[kind], part: "chain", detail, wanted, at }] as const;
  };
  if (names.length === 0) {
    return flaw(
      "misnamed",
      "it names no host in its subjectAltName, and clients look nowhere else",
    );
  }
  const strange = `it is for ${named(names)}, not for ${host}`;
  switch (pattern.kind) {
    case "exact":
      return covers(names, pattern.host) ? [] : flaw("misnamed", strange);
    case "wildcard": {
      if (names.includes(host)) return [];
      const single = names.filter((name) => isBelow(name, pattern.parent));
      return single.length === 0
        ? flaw("misnamed", strange)
        : flaw("narrow", `of ${host} it is for ${named(single)} alone`);
    }
    default:
      return []; // nobody knows whom it is shown to
  }
}

function ofChain({ pair, readAt: at }: Given): readonly Flaw[] {
  if (pair.kind !== "usable" || !pair.isCut) return [];
  const detail = "the certificate that issued it is not behind it, and many clients turn it down";
  const wanted =
    "the host's own certificate with those that issued it behind it (fullchain.pem of many CA clients)";
  return [{ kind: "cut", code: CODES.cut, part: "chain", detail, wanted, at }];
}

function ofFiles({ spoilt }: Given): readonly Flaw[] {
  if (spoilt === undefined) return [];
  const { part, why, at } = spoilt;
  const detail = `${why}; what the files held before is served until the program is started again`;
  return [{ kind: "spoilt", code: CODES.spoilt, part, detail, wanted: WANTED[part], at }];
}

function isBelow(name: string, parent: UriHost): boolean {
  const host = parseHostname(name);
  return host !== undefined && parentOf(host) === parent;
}

function ofDates(
  given: Given,
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  { now, expiresWithin }: FlawJudging,
): readonly Flaw[] {
  const patienceMs = Math.min(
    (notAfter - notBefore) * expiresWithin,
    limits.givenExpiresWithinMaxMs,
  );
  const flaw = (kind: FlawKind, detail: string, at: number) => {
    const wanted = `a new certificate for ${given.host} and its key`;
    return [{ kind, code: CODES[kind], part: "chain", detail, wanted, at }] as const;
  };
  if (now >= notAfter) return flaw("expired", `it expired ${formatTime(notAfter)}`, notAfter);
  if (now < notBefore)
    return flaw("early", `it is not valid before ${formatTime(notBefore)}`, given.readAt);
  if (now < notAfter - patienceMs) return [];
  return flaw("expiring", `it expires ${formatTime(notAfter)}`, notAfter - patienceMs);
}

/** `"a.example", "b.example" and 7 more` */
function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((name) => `"${name}"`);
  const rest = names.length - shown.length;
  return `${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
