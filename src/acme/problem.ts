import { codeOf, type Facts, LatchkeyError } from "../base/errors.ts";
import { isJsonObject, parseJson } from "./json.ts";
import { linksIn } from "./link.ts";
import { PROBLEM_TYPES, type ProblemType } from "./problem-types.ts";
import { parseRetryAfter } from "./retry-after.ts";
import type { AcmeAnswer } from "./transport.ts";

/** What a CA says went wrong (RFC 9457 as RFC 8555 §6.7 uses it), read from JSON. */
export interface ProblemDocument {
  /** `urn:ietf:params:acme:error:…`, or any other URI; `about:blank` when it is missing. */
  readonly type: string;
  /** For people, in one line; tokens of challenges and key authorizations are taken out. */
  readonly detail: string;
  readonly status: number | undefined;
  /** A page that a person should visit (RFC 8555 §7.3.3). */
  readonly instance: string | undefined;
  readonly subproblems: readonly Subproblem[];
}

/** What went wrong with one identifier of several (RFC 8555 §6.7.1). */
export interface Subproblem {
  readonly type: string;
  readonly detail: string;
  /** The name or address it is about. */
  readonly identifier: string | undefined;
}

/** A CA said no, in its own words: an answer that is a problem, or what it noted at a challenge or an order. */
export class AcmeProblem extends LatchkeyError {
  override readonly name: string = "AcmeProblem";
  readonly type: string;
  readonly detail: string;
  /** The status of the answer, or the one that stands in the problem. */
  readonly status: number | undefined;
  readonly subproblems: readonly Subproblem[];
  readonly instance: string | undefined;
  /** `Link: rel="help"` of the answer: a page that explains, such as one on rate limits. */
  readonly help: string | undefined;
  /** The wait that the CA asks for, from when it answered; not clamped. */
  readonly retryAfterMs: number | undefined;
  /** The type of the challenge that the CA noted it at (`http-01`): it cost a failed authorization. */
  readonly challenge: string | undefined;
  /** Does the CA not take the key of its website that the account was to be bound to? */
  readonly isBindingRefused: boolean;

  /** @param action What was under way, as in `Cannot <action>: …`. */
  constructor(action: string, document: ProblemDocument, answered: Answered = {}) {
    const { type, detail, subproblems, instance } = document;
    const { status = document.status, retryAfterMs, help, challenge } = answered;
    const facts: Facts = { type, status, detail, retryAfterMs, help, challenge };
    super("ACME_PROBLEM", `Cannot ${action}: ${detail} (${type})`, facts);
    this.type = type;
    this.detail = detail;
    this.status = status;
    this.subproblems = subproblems;
    this.instance = instance;
    this.help = help;
    this.retryAfterMs = retryAfterMs;
    this.challenge = challenge;
    this.isBindingRefused =
      challenge === undefined && mayRefuseBinding(nameOf(type), detail, answered.hasBinding);
  }
}

/** What the place where a problem stood adds to it. */
export interface Answered {
  readonly status?: number | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly help?: string | undefined;
  readonly challenge?: string | undefined;
  /** It answers the request for an account that was to be bound to one of the CA's website. */
  readonly hasBinding?: boolean;
}

const PREFIX = "urn:ietf:params:acme:error:";
/** Long details are a validator's copy of a stranger's page; nobody reads further. */
const DETAIL_MAX_CHARACTERS = 1_024;
/** More subproblems than names in any order. */
const SUBPROBLEMS_MAX = 100;
/** CAs quote the key authorization they expected: token, dot, SHA-256 thumbprint (RFC 8555 §8.1). */
const KEY_AUTHORIZATION = /[A-Za-z0-9_-]{16,128}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g;
/** They name the URL that they asked, with the token in it (RFC 8555 §8.3). */
const CHALLENGE_TOKEN = /(\/\.well-known\/acme-challenge\/)[A-Za-z0-9_-]+/gi;
/** What could break a line, or move a terminal's cursor. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/** The problem in a JSON value; `undefined` for what is none. Unknown types and members are survived. */
export function readProblem(value: unknown): ProblemDocument | undefined {
  if (!isJsonObject(value)) return undefined;
  const { type, detail, title, status, instance, subproblems } = value;
  if (typeof type !== "string" && typeof detail !== "string") return undefined;
  const several = Array.isArray(subproblems) ? subproblems.slice(0, SUBPROBLEMS_MAX) : [];
  return {
    type: textIn(type) ?? "about:blank",
    detail: textIn(detail) ?? textIn(title) ?? "the CA gave no reason",
    status: typeof status === "number" ? status : undefined,
    instance: textIn(instance),
    subproblems: several.flatMap(readSubproblem),
  };
}

/**
 * The error in an answer whose status says that there is one, or that nothing was done (RFC 8555 knows no redirect):
 * an {@link AcmeProblem}, or `ACME_PROTOCOL` when it holds no problem document (the HTML of a load balancer).
 *
 * @param now When the answer came, milliseconds since the epoch.
 * @param hasBinding Was it the request for an account that is bound to one of the CA's website?
 */
export function problemIn(
  action: string,
  answer: AcmeAnswer,
  now: number,
  hasBinding = false,
): LatchkeyError {
  const { status, headers, body } = answer;
  const retryAfterMs = parseRetryAfter(headers["retry-after"], now);
  const document = readProblem(parseJson(body));
  if (document === undefined) {
    const to = status >= 300 && status < 400 ? textIn(headers["location"]) : undefined;
    const instead = to === undefined ? "and no reason" : `and sends us to ${to}`;
    const why = `the CA answered with status ${status} ${instead}`;
    return new LatchkeyError("ACME_PROTOCOL", `Cannot ${action}: ${why}`, { status, retryAfterMs });
  }
  const [help] = linksIn(headers["link"], "help");
  return new AcmeProblem(action, document, { status, retryAfterMs, help, hasBinding });
}

/** What an error of an order means for the next attempt. */
export type Verdict =
  /** The CA heard us: try again, after its own wait if it named one, in milliseconds and not clamped. */
  | { readonly kind: "retry"; readonly afterMs: number | undefined }
  /** Trying again changes nothing until a person has acted. */
  | { readonly kind: "wait" }
  /** The CA did not hear us: nothing was counted, and trying again is cheap. */
  | { readonly kind: "unreachable"; readonly afterMs: number | undefined };

/** Codes of ours for what only another configuration, or another CA, can change. */
const NEEDS_PERSON: ReadonlySet<string> = new Set([
  "ACME_ACCOUNT_BINDING",
  "ACME_PROFILE_UNKNOWN",
  "ACME_CHALLENGE_UNKNOWN",
]);

/** Judges whatever an order failed with; an error without an opinion of its own is judged by its cause. */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof AcmeProblem) {
    return needsPerson(error) ? { kind: "wait" } : { kind: "retry", afterMs: error.retryAfterMs };
  }
  const code = codeOf(error);
  const facts = error instanceof LatchkeyError ? error.facts : {};
  const afterMs = typeof facts["retryAfterMs"] === "number" ? facts["retryAfterMs"] : undefined;
  if (code !== undefined && NEEDS_PERSON.has(code)) return { kind: "wait" };
  if (code === "ACME_UNREACHABLE") return { kind: "unreachable", afterMs };
  if (code === "ACME_PROTOCOL") {
    // A gateway in front of the CA answered in its place.
    const isGateway = [502, 503, 504].includes(Number(facts["status"]));
    return { kind: isGateway ? "unreachable" : "retry", afterMs };
  }
  if (error instanceof Error && error.cause !== undefined) return verdictOf(error.cause);
  return { kind: "retry", afterMs };
}

/**
 * One sentence of what a person can do about a problem of this type, or about `ACME_UNREACHABLE` and
 * `ACME_PROTOCOL`; `undefined` for types nobody has described.
 *
 * @param challenge The type of the challenge that it stood at.
 */
export function hintFor(type: string, detail: string, challenge = ""): string | undefined {
  if (type === "ACME_UNREACHABLE") {
    if (/it is for another name/.test(detail)) return OTHER_NAME_HINT;
    if (/it has expired|it is not valid yet/.test(detail)) return DATES_HINT;
    return /is not trusted/.test(detail) ? UNTRUSTED_HINT : UNREACHABLE_HINT;
  }
  if (type === "ACME_PROTOCOL") return protocolHint(detail);
  const name = nameOf(type);
  if (name === "rateLimited" && isPaused(detail)) return PAUSED_HINT;
  if (challenge === "" && mayRefuseBinding(name, detail)) return BINDING_HINT;
  if (challenge === "" && name === "unauthorized") return REFUSED_HINT;
  return lookupHint(name, detail, challenge) ?? typeOf(name)?.hint;
}

/** Where what a validator asked DNS for tells more than the type of the problem. */
function lookupHint(name: string, detail: string, challenge: string): string | undefined {
  if (name === "dns" && /SERVFAIL|DNSSEC|bogus/i.test(detail)) return DNSSEC_HINT;
  if (challenge.startsWith("dns-") && RECORD_FAULTS.has(name)) return RECORD_HINT;
  if (LOOKUP_FAULTS.has(name) && UNRESOLVED.test(detail)) return UNRESOLVED_HINT;
  return name === "dns" && /NXDOMAIN/i.test(detail) ? NXDOMAIN_HINT : undefined;
}

/** What {@link problemIn} says tells a CA that is down from one that is none. */
function protocolHint(detail: string): string | undefined {
  // To a HEAD for a nonce, or from a gateway in front of the CA.
  if (/answered with status 429 /.test(detail)) return PROBLEM_TYPES["rateLimited"]?.hint;
  const [, status] = /answered with status (\d)\d\d /.exec(detail) ?? [];
  if (status === "5") return DOWN_HINT;
  return status === "3" ? REDIRECT_HINT : PROTOCOL_HINT;
}

const UNREACHABLE_HINT =
  "Look whether this machine reaches the CA: its network, its DNS, a firewall for outgoing port 443, its clock";
const UNTRUSTED_HINT =
  "For a private CA, name the root of its TLS under trust of the issuer; for a public one, look at this machine's clock, and at what intercepts its TLS";
const OTHER_NAME_HINT =
  "Write the directory URL with a name that is in the certificate of the CA's server; for a public CA, look at what intercepts its TLS";
const DATES_HINT =
  "Look at this machine's clock; if it is right, the CA's own server needs a new certificate";
const PROTOCOL_HINT =
  "Look whether the directory URL is right, and whether a proxy answers in place of the CA";
const DOWN_HINT =
  "The CA is down or overloaded: nothing needs to be done, it is asked again; see its status page if that lasts";
const REDIRECT_HINT =
  "Write the directory URL as the CA shows it (ACME follows no redirect), and look whether a proxy answers in place of the CA";
const PAUSED_HINT =
  "The CA has paused this name after many failures: correct what failed, then visit the page it names";
/** For {@link AcmeProblem.isBindingRefused}. */
export const BINDING_HINT =
  "Correct eab: { kid, hmac } of the issuer: the CA does not take these two values; its website shows them, and some are good for one account only";
/** No validator said so, but the CA itself, to a request. */
const REFUSED_HINT =
  "The CA does not let this account, or this machine, have what was asked for: see its words; some have lists of accounts, names or addresses";
const RECORD_HINT =
  "The CA did not find the TXT record: see that acme.dns names the provider that serves the zone, that a CNAME leads nowhere else, and that every name server of the zone shows the record";
const NXDOMAIN_HINT = "The name does not exist: give it an A or AAAA record that leads here";
const UNRESOLVED_HINT =
  "The CA found no address for the name: give it an A or AAAA record that leads here, and see that every one of its name servers answers";
const DNSSEC_HINT =
  "The name servers of the domain fail, or its DNSSEC is broken: correct it where the domain is managed";

function needsPerson({ type, detail, isBindingRefused, subproblems }: AcmeProblem): boolean {
  const types = [type, ...subproblems.map((subproblem) => subproblem.type)].map(nameOf);
  if (nameOf(type) === "rateLimited" && isPaused(detail)) return true;
  if (isBindingRefused) return true;
  return types.some((name) => typeOf(name)?.needsPerson === true);
}

/**
 * RFC 8555 §7.3.4 names no type for a binding that does not verify: CAs say one of these, to the request for an account
 * or with words that are about it. A host may be called so too (`hmac.shop.example`), and what a validator quotes is a
 * stranger's.
 */
const BINDING_TYPES: ReadonlySet<string> = new Set(["unauthorized", "malformed"]);
const BINDING = /(?<![-.\w])(?:external[ _-]?account|eab|hmac)(?![-\w]|\.\w)/i;

/** `hasBinding`: it answers the request for an account that was to be bound. */
function mayRefuseBinding(name: string, detail: string, hasBinding = false): boolean {
  return BINDING_TYPES.has(name) && (hasBinding || BINDING.test(detail));
}

/** What can be wrong with what a validator finds in DNS. */
const RECORD_FAULTS: ReadonlySet<string> = new Set(["unauthorized", "incorrectResponse", "dns"]);

/** Some validators call a name that does not resolve a failed connection, or a bad request: in the words of Pebble, or of Go. */
const LOOKUP_FAULTS: ReadonlySet<string> = new Set(["connection", "malformed"]);
const UNRESOLVED = /could not resolve|no such host|\blookup \S+ on \S+: /i;

/** Let's Encrypt pauses names that only ever fail, until somebody asks on its website. */
function isPaused(detail: string): boolean {
  return /\bunpause\b|temporarily prevented/i.test(detail);
}

function nameOf(type: string): string {
  return type.startsWith(PREFIX) ? type.slice(PREFIX.length) : "";
}

/** The names come from a CA: only those that were written into the table are looked up. */
function typeOf(name: string): ProblemType | undefined {
  return Object.hasOwn(PROBLEM_TYPES, name) ? PROBLEM_TYPES[name] : undefined;
}

/** Not read as a problem of its own: subproblems have none (RFC 8555 §6.7.1), and depth is a stranger's. */
function readSubproblem(value: unknown): Subproblem[] {
  if (!isJsonObject(value)) return [];
  const { type, detail, identifier } = value;
  return [
    {
      type: textIn(type) ?? "about:blank",
      detail: textIn(detail) ?? "",
      identifier: isJsonObject(identifier) ? textIn(identifier["value"]) : undefined,
    },
  ];
}

function textIn(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? inOneLine(value) : undefined;
}

function inOneLine(text: string): string {
  const line = text.slice(0, 8 * DETAIL_MAX_CHARACTERS).replace(CONTROL, " ");
  return line
    .replace(KEY_AUTHORIZATION, "[key authorization]")
    .replace(CHALLENGE_TOKEN, "$1[token]")
    .slice(0, DETAIL_MAX_CHARACTERS);
}
