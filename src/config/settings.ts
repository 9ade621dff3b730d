import { dirname, join, resolve } from "node:path";
import { readAlerts } from "./alerts.ts";
import type { Acme, Config, Issuer, Listen, ListenAddress } from "./config.ts";
import { addressPathOf, readDashboard } from "./dashboard.ts";
import { readDns } from "./dns.ts";
import type { Path } from "./faults.ts";
import { settingsSchema, type WrittenSettings } from "./file-schema.ts";
import { readRoots } from "./files.ts";
import type { WrittenIssuer, WrittenOnDemand } from "./issuer-schema.ts";
import { namedIssuer } from "./issuers.ts";
import { limits } from "./limits.ts";
import { readSecretAt, type WrittenSecret } from "./secret.ts";
import { checkAndReport } from "./shape-faults.ts";
import type { Desk } from "./surroundings.ts";

/** Everything of a configuration but its hosts, and what only their reading needs. */
export interface Settings extends Omit<Config, "hosts" | "sources"> {
  /** The policy of wildcard hosts that have none of their own. */
  readonly onDemand: WrittenOnDemand | undefined;
  /** The settings that have faults: rules that need them are not applied, so that no fault is a consequence of another. */
  readonly faulty: ReadonlySet<string>;
}

/** Mappings of things apart: a fault in one of them hides none of the others. */
const PARTED = ["listen", "acme", "authority", "renewal", "alerts", "log"];

/** Reads every setting; one with a fault, which is reported, has its default here. */
export function readSettings(root: object, desk: Desk): Settings {
  const checked = checkAndReport(settingsSchema, root, [], desk.report, PARTED);
  const { value: written = {}, faulty } = checked;
  const storage = storageOf(written, desk);
  const { lifetime, permit } = written.authority ?? {};
  return {
    file: desk.file,
    include: [written.include ?? []].flat().map((pattern) => desk.resolve(pattern)),
    watch: written.watch ?? false,
    email: written.email,
    storage,
    workers: typeof written.workers === "number" ? written.workers : desk.cores,
    listen: readListen(written, storage, desk),
    trustedProxies: written.trustedProxies ?? [],
    acme: readAcme(written, desk),
    authority: { lifetimeMs: lifetime ?? limits.authorityLifetimeMs, permit: permit ?? [] },
    renewal: {
      checkEveryMs: written.renewal?.checkEvery ?? limits.renewalCheckEveryMs,
      at: written.renewal?.at ?? "auto",
    },
    alerts: readAlerts(written.alerts, written.renewal?.at ?? "auto", desk),
    log: readLog(written, faulty, desk),
    limits: written.limits ?? {},
    onDemand: written.onDemand,
    faulty,
  };
}

/** The issuer that was written, with the file that `trust` names and its secrets read. */
export function readIssuer(written: WrittenIssuer, path: Path, desk: Desk): Issuer {
  if (written.kind === "internal") return written;
  const { trust, eab } = written;
  return {
    ...written,
    trust: trust === undefined ? undefined : readRootsAt(trust, [...path, "trust"], desk),
    eab: eab && {
      kid: readSecretAt(eab.kid, [...path, "eab", "kid"], desk),
      hmac: readMacKeyAt(eab.hmac, [...path, "eab", "hmac"], desk),
    },
  };
}

/** RFC 8555 §7.3.4 says base64url; some CAs show the other alphabet. */
const MAC_KEY = /^[A-Za-z0-9_+/-]+={0,2}$/;

function readMacKeyAt(written: WrittenSecret, path: Path, desk: Desk): string {
  const key = readSecretAt(written, path, desk);
  if (key !== "" && !MAC_KEY.test(key))
    desk.report(path, "is not base64url, wanted the key as the CA's website shows it");
  return key;
}

/** The roots in a file that the configuration names; `undefined` after a fault was reported. */
export function readRootsAt(written: string, path: Path, desk: Desk): string | undefined {
  const roots = readRoots(desk.files, desk.resolve(written));
  if (roots.ok) return roots.value;
  desk.reportFile(path, roots.why);
  return undefined;
}

function storageOf({ storage }: WrittenSettings, { file, resolve: fromFile }: Desk): string {
  if (storage !== undefined) return fromFile(storage);
  if (file.startsWith("/etc/")) return "/var/lib/latchkey";
  const folder = dirname(file);
  return folder.endsWith("/config") ? join(folder, "../storage") : join(folder, "storage");
}

function readListen(
  { listen = {}, ...written }: WrittenSettings,
  storage: string,
  desk: Desk,
): Listen {
  const https = listen.https ?? [{ kind: "tcp", host: undefined, port: limits.httpsPort }];
  const dashboard = readDashboard(listen.dashboard, desk);
  const http = listen.http ?? [{ kind: "tcp", host: undefined, port: limits.httpPort }];
  reportClashes(
    [
      ...https.map((address, index) => ({ address, path: ["listen", "https", index] })),
      ...http.map((address, index) => ({ address, path: ["listen", "http", index] })),
      ...(dashboard === undefined
        ? []
        : [{ address: dashboard.address, path: addressPathOf(listen.dashboard) }]),
    ],
    desk,
  );
  const admin = resolve(storage, listen.admin ?? "admin.sock");
  if (Buffer.byteLength(admin) > limits.unixPathMaxBytes) {
    const place =
      listen.admin === undefined && written.storage !== undefined
        ? ["storage"]
        : ["listen", "admin"];
    const wanted = `wanted at most ${limits.unixPathMaxBytes}: set listen.admin to a shorter one`;
    desk.report(
      place,
      `makes the path of the admin socket ${Buffer.byteLength(admin)} bytes long, ${wanted}`,
    );
  }
  const { publicHttpsPort, proxyProtocol = [] } = listen;
  return { https, http, publicHttpsPort, proxyProtocol, admin, dashboard };
}

/** The port that clients see, unless it is known only when the first https listener is bound or inherited. */
export function expectedHttpsPort({ https: [first], publicHttpsPort }: Listen): number | undefined {
  const bound = first?.kind === "tcp" && first.port !== 0 ? first.port : undefined;
  return publicHttpsPort ?? bound;
}

/** Two listeners that cannot both be had. */
function reportClashes(
  all: readonly { readonly address: ListenAddress; readonly path: Path }[],
  desk: Desk,
): void {
  for (const [index, { address, path }] of all.entries()) {
    const earlier = all.slice(0, index).find((other) => clashes(other.address, address));
    if (earlier === undefined) continue;
    desk.report(path, `is taken by ${earlier.path[1]}[${earlier.path[2]}], wanted another port`);
  }
}

function clashes(one: ListenAddress, other: ListenAddress): boolean {
  if (one.kind === "fd" || other.kind === "fd") {
    return one.kind === "fd" && other.kind === "fd" && one.fd === other.fd;
  }
  if (one.port !== other.port || one.port === 0) return false;
  return one.host === other.host || isEverywhere(one.host) || isEverywhere(other.host);
}

function isEverywhere(host: string | undefined): boolean {
  return host === undefined || host === "0.0.0.0" || host === "::";
}

function readAcme({ acme = {} }: WrittenSettings, desk: Desk): Acme {
  const issuers = acme.issuers?.map((issuer, index) =>
    readIssuer(issuer, ["acme", "issuers", index], desk),
  );
  return {
    issuers: issuers ?? [namedIssuer("letsencrypt")],
    issuersWritten: issuers !== undefined,
    issue: acme.issue ?? "at-start",
    challenges: acme.challenges ?? ["http-01", "tls-alpn-01"],
    keyType: acme.keyType ?? "ecdsa-p256",
    resolvers: acme.resolvers ?? [],
    dns: readDns(acme.dns, ["acme", "dns"], desk),
  };
}

function readLog(
  { log = {} }: WrittenSettings,
  faulty: ReadonlySet<string>,
  desk: Desk,
): Config["log"] {
  const { access = "off", query = false } = log;
  if (query && access === "off" && !faulty.has("log"))
    desk.report(["log", "query"], "needs `access` beside it", "key");
  return {
    level: log.level ?? "info",
    format: log.format ?? "auto",
    access: typeof access === "string" ? access : { path: desk.resolve(access.path) },
    query,
  };
}
