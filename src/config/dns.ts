import { readNameServer } from "./addresses.ts";
import type { DnsEntry, DnsProvider } from "./dns-entry.ts";
import type { WrittenDns, WrittenDnsEntry } from "./dns-schema.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { readApiUrl } from "./locations.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { readSecretAt, type WrittenSecret } from "./secret.ts";
import type { Desk } from "./surroundings.ts";

/** Cloudflare's API, version 4 (developers.cloudflare.com/api). */
const CLOUDFLARE = "https://api.cloudflare.com/client/v4";
/** RFC 4648 §4. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** As `parseDnsName` of the dns room wants names of keys. */
const KEY_NAME = /^[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;

type Kind = DnsProvider["kind"];
type Key = keyof WrittenDnsEntry;

/** Which keys go with a provider, those it cannot do without first. */
const KEYS: Readonly<
  Record<Kind, { readonly needed: readonly Key[]; readonly more: readonly Key[] }>
> = {
  cloudflare: { needed: ["token"], more: ["endpoint"] },
  rfc2136: { needed: ["server", "keyName", "secret"], more: ["algorithm"] },
  "acme-dns": { needed: ["server", "accounts"], more: [] },
  exec: { needed: ["command"], more: ["environment", "timeout"] },
};
const COMMON: readonly Key[] = ["provider", "zones", "authoritative"];

/** The entries of `dns` with their secrets read; faults are reported. */
export function readDns(
  written: WrittenDns | undefined,
  path: Path,
  desk: Desk,
): readonly DnsEntry[] {
  const { isList = false, entries = [] } = written ?? {};
  reportRivals(entries, path, desk);
  return entries.flatMap((entry, index) => {
    const provider = readProvider(entry, isList ? [...path, index] : path, desk);
    const { zones = [], authoritative = [] } = entry;
    return provider === undefined ? [] : [{ zones, authoritative, provider }];
  });
}

/** Two entries for one zone: nobody could say which one is meant. */
function reportRivals(entries: readonly WrittenDnsEntry[], path: Path, desk: Desk): void {
  const taken = new Set<string>();
  for (const [index, { zones = [""] }] of entries.entries()) {
    for (const zone of zones) {
      if (taken.has(zone)) {
        const what = zone === "" ? "is for every other zone" : `is for ${zone}`;
        desk.report([...path, index], `${what}, as an earlier entry is, wanted other \`zones\``);
      }
      taken.add(zone);
    }
  }
}

function readProvider(entry: WrittenDnsEntry, path: Path, desk: Desk): DnsProvider | undefined {
  const { provider: kind } = entry;
  const { needed, more } = KEYS[kind];
  const missing = needed.filter((name) => entry[name] === undefined);
  if (missing.length > 0) {
    desk.report(path, `lacks what ${kind} needs, wanted \`${missing.join("`, `")}\` too`);
    return undefined;
  }
  for (const name of Object.keys(entry)) {
    if ([...COMMON, ...needed, ...more].some((known) => known === name)) continue;
    desk.report([...path, name], `does not go with ${kind}, remove it`, "key");
  }
  switch (kind) {
    case "cloudflare":
      return readCloudflare(entry, path, desk);
    case "rfc2136":
      return readRfc2136(entry, path, desk);
    case "acme-dns":
      return readAcmeDns(entry, path, desk);
    case "exec":
      return readExec(entry, path, desk);
  }
}

function readCloudflare(
  { token, endpoint = CLOUDFLARE }: WrittenDnsEntry,
  path: Path,
  desk: Desk,
): DnsProvider {
  return {
    kind: "cloudflare",
    token: secretAt(token, [...path, "token"], desk),
    endpoint: checked(readApiUrl(endpoint), [...path, "endpoint"], desk),
  };
}

function readRfc2136(
  { server = "", keyName = "", algorithm, secret }: WrittenDnsEntry,
  path: Path,
  desk: Desk,
): DnsProvider {
  const key = secretAt(secret, [...path, "secret"], desk);
  if (key !== "" && !BASE64.test(key))
    desk.report(
      [...path, "secret"],
      "is not base64, wanted the key alone, which tsig-keygen prints between quotes",
    );
  return {
    kind: "rfc2136",
    server: checked(readNameServer(server), [...path, "server"], desk),
    keyName: checked(readKeyName(keyName), [...path, "keyName"], desk),
    algorithm: algorithm ?? "hmac-sha256",
    secret: key,
  };
}

function readKeyName(text: string): Reading<string> {
  return KEY_NAME.test(text)
    ? read(text.toLowerCase().replace(/\.$/, ""))
    : wrong("is not the name of a key, wanted one such as latchkey");
}

function readAcmeDns(
  { server = "", accounts = {} }: WrittenDnsEntry,
  path: Path,
  desk: Desk,
): DnsProvider {
  const read = Object.entries(accounts).map(([host, account]) => {
    const at = (name: keyof typeof account) =>
      readSecretAt(account[name], [...path, "accounts", host, name], desk);
    const known = {
      username: at("username"),
      password: at("password"),
      subdomain: at("subdomain"),
    };
    return [host, known] as const;
  });
  return {
    kind: "acme-dns",
    server: checked(readApiUrl(server), [...path, "server"], desk),
    accounts: Object.fromEntries(read),
  };
}

function readExec(
  { command = [], environment = {}, timeout }: WrittenDnsEntry,
  path: Path,
  desk: Desk,
): DnsProvider {
  const [program = "", ...args] = command;
  const variables = Object.entries(environment).map(([name, value]) => {
    return [name, readSecretAt(value, [...path, "environment", name], desk)] as const;
  });
  return {
    kind: "exec",
    // A name alone is looked for on the PATH.
    command: [program.includes("/") ? desk.resolve(program) : program, ...args],
    environment: Object.fromEntries(variables),
    timeoutMs: timeout ?? limits.dnsExecTimeoutMs,
  };
}

function secretAt(written: WrittenSecret | undefined, path: Path, desk: Desk): string {
  return written === undefined ? "" : readSecretAt(written, path, desk);
}

function checked(reading: Reading<string>, path: Path, desk: Desk): string {
  if (reading.ok) return reading.value;
  desk.report(path, reading.why);
  return "";
}
