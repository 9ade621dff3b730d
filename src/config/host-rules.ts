import { createHash } from "node:crypto";
import { extname } from "node:path";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { whyNotPreloaded } from "./rule-values.ts";
import type { HeaderLine, HeaderRules, Maintenance, Page, RateLimit, Rules } from "./rules.ts";
import type { WrittenHeaderRules, WrittenHsts, WrittenRules } from "./rules-schema.ts";
import type { Desk } from "./surroundings.ts";

/** What a host or path says, read; `off` takes back what would be inherited. */
export interface OwnRules {
  readonly allow: readonly string[] | "off" | undefined;
  readonly deny: readonly string[] | "off" | undefined;
  readonly maintenance: Maintenance | "off" | undefined;
  readonly rateLimit: RateLimit | "off" | undefined;
  readonly securityHeaders: boolean | undefined;
  readonly request: NamedLines;
  readonly response: NamedLines;
  readonly pages: Readonly<Record<string, Page>>;
}

/** Header rules by the name they are about, in lower case. */
type NamedLines = ReadonlyMap<string, NamedRule>;

interface NamedRule {
  readonly keepsSent: boolean;
  readonly lines: readonly HeaderLine[];
}

/** What browsers are told to be careful about, where an application does not say it better. */
const SECURITY_HEADERS: readonly HeaderLine[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "SAMEORIGIN"],
  ["Referrer-Policy", "strict-origin-when-cross-origin"],
];
const HSTS = "Strict-Transport-Security";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".htm": "text/html; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".json": "application/json",
};

/** Reads what one host or path says. `path` leads to it, and names what it counts. */
export function readOwnRules(written: WrittenRules, path: Path, desk: Desk): OwnRules {
  const { headers = {} } = written;
  return {
    allow: written.allow,
    deny: written.deny,
    maintenance: readMaintenance(written.maintenance, [...path, "maintenance"], desk),
    rateLimit: readRateLimit(written.rateLimit, path),
    securityHeaders: written.securityHeaders,
    request: readHeaders(headers.request, [...path, "headers", "request"], desk),
    response: readHeaders(headers.response, [...path, "headers", "response"], desk),
    pages: readPages(written.errors ?? {}, [...path, "errors"], desk),
  };
}

/** With Strict-Transport-Security (RFC 6797 §6.1), which a host says for all of its paths. */
export function withHsts(own: OwnRules, hsts: WrittenHsts, path: Path, desk: Desk): OwnRules {
  if (hsts === undefined) return own;
  const {
    maxAge,
    includeSubDomains = false,
    preload = false,
  } = typeof hsts === "number" ? { maxAge: hsts } : hsts;
  const why = preload ? whyNotPreloaded(maxAge, includeSubDomains) : undefined;
  if (why !== undefined) desk.report([...path, "hsts", "preload"], why, "key");
  const name = HSTS.toLowerCase();
  if (own.response.has(name))
    desk.report([...path, "hsts"], `stands in \`headers\` too, wanted it once`, "key");
  const value =
    `max-age=${Math.floor(maxAge / 1_000)}` +
    (includeSubDomains ? "; includeSubDomains" : "") +
    (preload ? "; preload" : "");
  const rule: NamedRule = { keepsSent: false, lines: [[HSTS, value]] };
  return { ...own, response: new Map([...own.response, [name, rule]]) };
}

/** What a path has from its host where it says nothing itself. */
export function inheritRules(host: OwnRules, path: OwnRules): OwnRules {
  return {
    allow: path.allow ?? host.allow,
    deny: path.deny ?? host.deny,
    maintenance: path.maintenance ?? host.maintenance,
    rateLimit: path.rateLimit ?? host.rateLimit,
    securityHeaders: path.securityHeaders ?? host.securityHeaders,
    request: new Map([...host.request, ...path.request]),
    response: new Map([...host.response, ...path.response]),
    pages: { ...host.pages, ...path.pages },
  };
}

/** The rules in force; `undefined` when nothing holds, so that nothing has to be looked at. */
export function settleRules(own: OwnRules): Rules | undefined {
  const rules: Rules = {
    allow: own.allow === "off" ? undefined : own.allow,
    deny: own.deny === "off" || own.deny?.length === 0 ? undefined : own.deny,
    maintenance: own.maintenance === "off" ? undefined : own.maintenance,
    rateLimit: own.rateLimit === "off" ? undefined : own.rateLimit,
    request: settleHeaders(own.request, []),
    response: settleHeaders(own.response, own.securityHeaders === true ? SECURITY_HEADERS : []),
    pages: Object.keys(own.pages).length === 0 ? undefined : own.pages,
  };
  return Object.values(rules).every((rule) => rule === undefined) ? undefined : rules;
}

function settleHeaders(
  rules: NamedLines,
  defaults: readonly HeaderLine[],
): HeaderRules | undefined {
  if (rules.size === 0 && defaults.length === 0) return undefined;
  return {
    removed: [...rules].filter(([, { keepsSent }]) => !keepsSent).map(([name]) => name),
    added: [...rules.values()].flatMap(({ lines }) => lines),
    defaults: defaults.filter(([name]) => !rules.has(name.toLowerCase())),
  };
}

function readHeaders(written: WrittenHeaderRules | undefined, path: Path, desk: Desk): NamedLines {
  const rules = new Map<string, NamedRule>();
  const note = (
    key: "set" | "add" | "remove",
    name: string,
    at: string | number,
    rule: NamedRule,
  ) => {
    if (rules.has(name.toLowerCase()))
      desk.report([...path, key, at], "has a rule already, wanted one for each name", "key");
    rules.set(name.toLowerCase(), rule);
  };
  for (const [name, value] of Object.entries(written?.set ?? {}))
    note("set", name, name, { keepsSent: false, lines: [[name, value]] });
  for (const [name, value] of Object.entries(written?.add ?? {}))
    note("add", name, name, { keepsSent: true, lines: [[name, value]] });
  for (const [index, name] of (written?.remove ?? []).entries())
    note("remove", name, index, { keepsSent: false, lines: [] });
  return rules;
}

function readMaintenance(
  written: WrittenRules["maintenance"],
  path: Path,
  desk: Desk,
): Maintenance | "off" | undefined {
  if (written === undefined) return undefined;
  if (written === false || written === "off") return "off";
  const { marker, page, allow = [], retryAfter } = typeof written === "object" ? written : {};
  return {
    marker: marker === undefined ? undefined : desk.resolve(marker),
    page: page === undefined ? undefined : readPage(page, [...path, "page"], desk),
    allow,
    retryAfterMs: retryAfter ?? limits.retryAfterMs,
  };
}

function readRateLimit(
  written: WrittenRules["rateLimit"],
  path: Path,
): RateLimit | "off" | undefined {
  if (written === undefined || written === "off") return written;
  const { requests, per = 1_000, burst = requests } = written;
  return { requests, perMs: per, burst, scope: scopeOf(path) };
}

/** Of the same length for every place: processes tell each other of many clients at once by it. */
function scopeOf(path: Path): string {
  return createHash("sha256").update(path.join(" ")).digest("base64url");
}

function readPages(
  written: NonNullable<WrittenRules["errors"]>,
  path: Path,
  desk: Desk,
): Readonly<Record<string, Page>> {
  const pages = Object.entries(written).flatMap(([status, file]) => {
    const page = readPage(file, [...path, status], desk);
    return page === undefined ? [] : [[status, page] as const];
  });
  return Object.fromEntries(pages);
}

function readPage(written: string, path: Path, desk: Desk): Page | undefined {
  const type = TYPES[extname(written).toLowerCase()];
  if (type === undefined) {
    desk.report(
      path,
      `is of no type that is known, wanted one of ${Object.keys(TYPES).join(", ")}`,
    );
    return undefined;
  }
  const body = desk.files.read(desk.resolve(written), limits.pageMaxBytes);
  if (body.ok) return { type, body: body.value };
  desk.reportFile(path, body.why);
  return undefined;
}
