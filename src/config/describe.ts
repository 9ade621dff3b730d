import { unreachable } from "../base/errors.ts";
import type { CertificateSource, Config, Dashboard, Host, HostPattern } from "./config.ts";
import { describeClientAuth, describeGuards, describeRules } from "./describe-guards.ts";
import type { Action, Backend, PathEntry, Redirect } from "./destination.ts";
import { formatAddress, formatListen } from "./format-address.ts";
import { formatPattern } from "./host-pattern.ts";
import { nameOf } from "./issuers.ts";
import { limits } from "./limits.ts";
import { formatOrigin } from "./redirect-target.ts";
import type { Match } from "./rules.ts";
import { expectedHttpsPort } from "./settings.ts";

const HEADINGS: readonly string[] = ["HOST", "ACTION", "CERTIFICATE"];
const GAP = "  ";
/** A longer cell sticks out instead of moving the column of everybody. */
const ALIGNED_MAX_CHARACTERS = 60;

/**
 * The routing table for people: a line for each host in the order of the file, what it does and for whom, where
 * its certificate comes from; then the listeners and the storage. Ends with a newline.
 */
export function describeRoutes(config: Config): string {
  const seenPort = expectedHttpsPort(config.listen);
  const rows = [HEADINGS, ...config.hosts.map((host) => describeHost(host, seenPort))];
  const widths = HEADINGS.map((_, column) => {
    const lengths = rows.map((row) => row[column]?.length ?? 0);
    return Math.max(...lengths.filter((length) => length <= ALIGNED_MAX_CHARACTERS));
  });
  const table = rows.map((row) => alignRow(row, widths));
  const { https, http, admin, dashboard } = config.listen;
  const facts = [
    [
      "https",
      `${https.map(formatListen).join(", ")} (clients see ${seenPort === undefined ? "its port" : `port ${seenPort}`})`,
    ],
    ["http", http.map(formatListen).join(", ") || "none"],
    ["admin", `unix:${admin}`],
    ...(dashboard === undefined ? [] : [["dashboard", describeDashboard(dashboard)]]),
    ["storage", config.storage],
    ["workers", String(config.workers)],
  ];
  const width = Math.max(...facts.map(([name = ""]) => name.length));
  return `${[...table, "", ...facts.map((row) => alignRow(row, [width]))].join("\n")}\n`;
}

function describeDashboard({ address, token }: Dashboard): string {
  const where = formatListen(address);
  return token === undefined ? where : `${where} (with a token)`;
}

function alignRow(row: readonly string[], widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join(GAP)
    .trimEnd();
}

/** What differs between two configurations, a line each: hosts first, then settings by their key. */
export function describeChanges(before: Config, after: Config): readonly string[] {
  const [old, now] = [hostLines(before), hostLines(after)];
  const names = new Set([...old.keys(), ...now.keys()]);
  const hosts = [...names].flatMap((name) => {
    const [was, is] = [old.get(name), now.get(name)];
    if (was?.whole === is?.whole) return [];
    if (was === undefined) return [`+ ${name}  ${is?.line}`];
    if (is === undefined) return [`- ${name}  ${was.line}`];
    return [
      is.line === was.line ? `~ ${name}  ${is.line}` : `~ ${name}  ${was.line}, now ${is.line}`,
    ];
  });
  return [...hosts, ...changedSettings(before, after).map((key) => `~ ${key}`)];
}

/** Of each host its line in the table, and all that is known of it, to be compared. */
function hostLines(config: Config): ReadonlyMap<string, { line: string; whole: string }> {
  const seenPort = expectedHttpsPort(config.listen);
  return new Map(
    config.hosts.map((host) => {
      const [name = "", ...cells] = describeHost(host, seenPort);
      return [name, { line: cells.join(GAP), whole: JSON.stringify(host) }];
    }),
  );
}

function changedSettings(before: Config, after: Config): readonly string[] {
  const { hosts: _was, file: _from, sources: _readBefore, ...old } = before;
  const { hosts: _is, file: _to, sources: _readNow, ...now } = after;
  const others = new Map(Object.entries(old));
  return Object.entries(now)
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(others.get(key)))
    .map(([key]) => key);
}

function describeHost(
  { pattern, action, certificate, tls }: Host,
  seenPort: number | undefined,
): readonly string[] {
  const does =
    describeAction(action, seenPort) + ("rules" in action ? describeRules(action.rules) : "");
  const shown = describeSource(certificate, pattern) + describeClientAuth(tls?.clientAuth);
  return [formatPattern(pattern), does, shown];
}

function describeAction(action: Action, seenPort: number | undefined): string {
  switch (action.kind) {
    case "forward":
      return action.paths.map((path) => describePath(path, seenPort)).join("; ");
    case "tcp":
      return `→ tcp://${formatAddress(action.backend)}`;
    case "pass-through":
      return `→ ${formatAddress(action.backend)} (pass-through)`;
    case "redirect":
      return describeRedirect(action, seenPort);
    case "certificate-only":
      return "certificate only";
    case "respond":
      return `respond ${action.status}`;
    default:
      return unreachable(action);
  }
}

/** `→ http://127.0.0.1:3001 (auth basic)`, with its prefix unless that is `/`. */
function describePath(entry: PathEntry, seenPort: number | undefined): string {
  const { prefix, match, stripPrefix, replacePrefix } = entry;
  const where = prefix === "/" ? "" : `${prefix} `;
  const conditions = match === undefined ? "" : `${describeMatch(match)} `;
  const does =
    entry.answer === undefined
      ? `→ ${entry.backends.map(formatBackend).join(", ")}`
      : describeAction(entry.answer, seenPort);
  const strip = stripPrefix ? " (prefix taken off)" : "";
  const replace = replacePrefix === undefined ? "" : ` (prefix becomes ${replacePrefix})`;
  return `${where}${conditions}${does}${strip}${replace}${describeGuards(entry)}`;
}

function describeMatch({ methods = [], headers = [] }: Match): string {
  const fields = headers.map(
    ({ name, value, isPrefix }) => `${name}: ${value}${isPrefix ? "*" : ""}`,
  );
  return `[${[methods.join(" "), ...fields].filter((part) => part !== "").join(", ")}]`;
}

function describeRedirect(redirect: Redirect, seenPort: number | undefined): string {
  const { host, port, path, status } = redirect;
  const origin = host === undefined ? "" : formatOrigin(host, port ?? seenPort ?? limits.httpsPort);
  return `redirect ${status} ${origin}${path ?? ""}`;
}

function describeSource(source: CertificateSource, pattern: HostPattern): string {
  switch (source.kind) {
    case "none":
      return "none";
    case "manual":
      return `manual ${source.chain}`;
    case "acme": {
      const issuers = source.issuers.map(nameOf).join(", then ");
      if (source.onDemand !== undefined) return `${issuers} on demand`;
      // Nothing else proves a wildcard.
      return pattern.kind === "wildcard" ? `${issuers} by DNS` : issuers;
    }
    default:
      return unreachable(source);
  }
}

function formatBackend(backend: Backend): string {
  return backend.kind === "unix"
    ? `unix:${backend.path}`
    : `${backend.kind}://${formatAddress(backend.address)}`;
}
