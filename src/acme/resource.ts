import { LatchkeyError } from "../base/errors.ts";
import { parsePlain } from "../base/hostname.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { AcmeProblem, type Answered, readProblem } from "./problem.ts";

/** What a CA offers, and where (RFC 8555 §7.1.1). */
export interface AcmeDirectory {
  readonly newNonceUrl: string;
  readonly newAccountUrl: string;
  readonly newOrderUrl: string;
  /** Where certificates are revoked (§7.6); RFC 8555 wants it, CAs of one's own may have none. */
  readonly revokeCertUrl: string | undefined;
  /** Where an account gets another key (§7.3.5); RFC 8555 wants it, and not every CA has it. */
  readonly keyChangeUrl: string | undefined;
  /** Where renewal windows are asked for (RFC 9773 §3); `undefined` when the CA has none. */
  readonly renewalInfoUrl: string | undefined;
  readonly termsOfService: string | undefined;
  readonly website: string | undefined;
  /** Names that a CAA record must hold for this CA. */
  readonly caaIdentities: readonly string[];
  readonly externalAccountRequired: boolean;
  /** Profiles that an order may name, with a word on each. */
  readonly profiles: Readonly<Record<string, string>>;
}

/** An order as it stood when it was read (RFC 8555 §7.1.3). */
export interface AcmeOrder {
  readonly url: string;
  readonly status: "pending" | "ready" | "processing" | "valid" | "invalid";
  /** In no order in particular. */
  readonly authorizations: readonly string[];
  readonly finalize: string;
  /** Present once the order is valid. */
  readonly certificate: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expires: number | undefined;
  /** Why it became invalid. */
  readonly error: AcmeProblem | undefined;
  /** How long the CA wants us to wait before the next look; not clamped. */
  readonly retryAfterMs: number | undefined;
}

/** An authorization as it stood when it was read (RFC 8555 §7.1.4). */
export interface AcmeAuthorization {
  readonly url: string;
  readonly host: UriHost;
  readonly status: "pending" | "valid" | "invalid" | "deactivated" | "expired" | "revoked";
  readonly challenges: readonly AcmeChallenge[];
  /** How long the CA wants us to wait before the next look; not clamped. */
  readonly retryAfterMs: number | undefined;
}

/** One way to prove control of a name (RFC 8555 §7.1.5). */
export interface AcmeChallenge {
  /** `http-01`, `tls-alpn-01`, or any other: new types come, and are not ours to refuse. */
  readonly type: string;
  readonly url: string;
  readonly status: "pending" | "processing" | "valid" | "invalid";
  /** Types that are proven without one have none; it holds base64url and nothing else. */
  readonly token: string | undefined;
  /** With `dns-persist-01`: names of the CA, one of which its record must begin with. */
  readonly issuerDomainNames: readonly string[];
  /** What the CA found when it looked. */
  readonly error: AcmeProblem | undefined;
}

/** When a CA would like a certificate to be renewed (RFC 9773 §4.2). Times in milliseconds since the epoch. */
export interface AcmeRenewalInfo {
  readonly start: number;
  /** After `start`. */
  readonly end: number;
  /** A page that says why, for the operator. */
  readonly explanationUrl: string | undefined;
  /** How long until the CA wants to be asked again; not clamped. */
  readonly retryAfterMs: number | undefined;
}

const ORDER_STATES = ["pending", "ready", "processing", "valid", "invalid"] as const;
const AUTHORIZATION_STATES = [
  "pending",
  "valid",
  "invalid",
  "deactivated",
  "expired",
  "revoked",
] as const;
const CHALLENGE_STATES = ["pending", "processing", "valid", "invalid"] as const;
/** RFC 8555 §8.1: base64url of at least 128 bits. It becomes a path of ours and a line of an answer. */
const TOKEN = /^[A-Za-z0-9_-]{16,128}$/;
/** Longer than any address that a person would type. */
const EXPLANATION_MAX_CHARACTERS = 1_024;
/** RFC 3339 §5.6; `Date.parse` alone takes much more. */
const TIMESTAMP =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})$/;

/** @throws {LatchkeyError} `ACME_PROTOCOL`. */
export function readDirectory(value: unknown): AcmeDirectory {
  const directory = objectFrom(value, "directory");
  const meta = isJsonObject(directory["meta"]) ? directory["meta"] : {};
  return {
    newNonceUrl: urlIn(directory, "newNonce"),
    newAccountUrl: urlIn(directory, "newAccount"),
    newOrderUrl: urlIn(directory, "newOrder"),
    revokeCertUrl: maybe(directory, "revokeCert", urlIn),
    keyChangeUrl: maybe(directory, "keyChange", urlIn),
    renewalInfoUrl: maybe(directory, "renewalInfo", urlIn),
    termsOfService: maybe(meta, "termsOfService", textIn),
    website: maybe(meta, "website", textIn),
    caaIdentities: textsIn(meta["caaIdentities"]),
    externalAccountRequired: meta["externalAccountRequired"] === true,
    profiles: readProfiles(meta["profiles"]),
  };
}

/** @throws {LatchkeyError} `ACME_PROTOCOL`. */
export function readOrder(
  value: unknown,
  url: string,
  retryAfterMs: number | undefined,
): AcmeOrder {
  const order = objectFrom(value, "order");
  const status = stateIn(order, ORDER_STATES);
  const certificate = maybe(order, "certificate", urlIn);
  if (status === "valid" && certificate === undefined) throw malformed("certificate", "a URL");
  return {
    url,
    status,
    authorizations: urlsIn(order, "authorizations"),
    finalize: urlIn(order, "finalize"),
    certificate,
    expires: maybe(order, "expires", timeIn),
    error: problemOf("complete the order", order["error"]),
    retryAfterMs,
  };
}

/** @throws {LatchkeyError} `ACME_PROTOCOL`. */
export function readAuthorization(
  value: unknown,
  url: string,
  retryAfterMs: number | undefined,
): AcmeAuthorization {
  const authorization = objectFrom(value, "authorization");
  const identifier = objectFrom(authorization["identifier"], "identifier");
  const host = hostIn(identifier);
  const { challenges } = authorization;
  if (!Array.isArray(challenges)) throw malformed("challenges", "a list");
  return {
    url,
    host,
    status: stateIn(authorization, AUTHORIZATION_STATES),
    challenges: challenges.flatMap((challenge) => readChallenge(challenge, host)),
    retryAfterMs,
  };
}

/**
 * The window that a CA suggests. A window that ends before it starts is none (RFC 9773 §4.2).
 *
 * @throws {LatchkeyError} `ACME_PROTOCOL`.
 */
export function readRenewalInfo(value: unknown, retryAfterMs: number | undefined): AcmeRenewalInfo {
  const info = objectFrom(value, "renewalInfo");
  const window = objectFrom(info["suggestedWindow"], "suggestedWindow");
  const start = timeIn(window, "start");
  const end = timeIn(window, "end");
  if (end <= start) throw malformed("suggestedWindow", "a window that ends after its start");
  return { start, end, explanationUrl: explanationIn(info), retryAfterMs };
}

/** It goes into the log and into storage. One that is no page makes the window no worse. */
function explanationIn({ explanationURL: url }: JsonObject): string | undefined {
  const isPage = typeof url === "string" && /^https?:/i.test(url) && URL.canParse(url);
  return isPage && url.length <= EXPLANATION_MAX_CHARACTERS ? url : undefined;
}

/** RFC 8555 §9.7.7, RFC 8738 §3. */
function hostIn(identifier: JsonObject): UriHost {
  const value = textIn(identifier, "value");
  const host =
    identifier["type"] === "dns"
      ? parsePlain(value)
      : identifier["type"] === "ip"
        ? parseIpAddress(value)
        : undefined;
  if (host === undefined) throw malformed("identifier", "a name or an address");
  return host;
}

/** A challenge that we cannot read is not offered to us: the others may do. */
function readChallenge(value: unknown, host: UriHost): AcmeChallenge[] {
  if (!isJsonObject(value)) return [];
  const { type, url, status, token, error } = value;
  const state = CHALLENGE_STATES.find((known) => known === status);
  if (typeof type !== "string" || typeof url !== "string" || state === undefined) return [];
  if (!URL.canParse(url)) return [];
  if (token !== undefined && !(typeof token === "string" && TOKEN.test(token))) return [];
  const problem = problemOf(`prove control of ${host} by ${type}`, error, { challenge: type });
  const issuerDomainNames = textsIn(value["issuer-domain-names"]);
  return [{ type, url, status: state, token, issuerDomainNames, error: problem }];
}

function problemOf(action: string, value: unknown, at: Answered = {}): AcmeProblem | undefined {
  const document = readProblem(value);
  return document && new AcmeProblem(action, document, at);
}

function readProfiles(value: unknown): Readonly<Record<string, string>> {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.map(([name, word]) => [name, String(word)]));
}

function objectFrom(value: unknown, what: string): JsonObject {
  if (!isJsonObject(value)) throw malformed(what, "an object");
  return value;
}

function textIn(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw malformed(name, "text");
  return value;
}

function urlIn(object: JsonObject, name: string): string {
  const value = textIn(object, name);
  if (!URL.canParse(value)) throw malformed(name, "a URL");
  return value;
}

function urlsIn(object: JsonObject, name: string): string[] {
  const value = object[name];
  const urls = textsIn(value);
  const isWhole = Array.isArray(value) && urls.length === value.length;
  if (!isWhole || !urls.every((url) => URL.canParse(url))) throw malformed(name, "a list of URLs");
  return urls;
}

function timeIn(object: JsonObject, name: string): number {
  const value = textIn(object, name);
  const at = TIMESTAMP.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw malformed(name, "a time of RFC 3339");
  return at;
}

function stateIn<State extends string>(object: JsonObject, states: readonly State[]): State {
  const state = states.find((known) => known === object["status"]);
  if (state === undefined) throw malformed("status", `one of ${states.join(", ")}`);
  return state;
}

/** A member that may be missing. */
function maybe<Value>(
  object: JsonObject,
  name: string,
  read: (object: JsonObject, name: string) => Value,
): Value | undefined {
  return object[name] === undefined ? undefined : read(object, name);
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function malformed(name: string, wanted: string): LatchkeyError {
  const why = `"${name}" of its answer is not ${wanted}`;
  return new LatchkeyError("ACME_PROTOCOL", `Cannot understand the CA: ${why}`);
}
