import type { Hostname } from "../base/hostname.ts";
import type { LogLevel } from "../base/log.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { LimitChanges } from "./changeable-limits.ts";
import type { Action } from "./destination.ts";
import type { DnsEntry } from "./dns-entry.ts";

/** The whole configuration after reading: defaults filled in, paths absolute, hosts normalised. Plain JSON. */
export interface Config {
  /** Where it was read from. */
  readonly file: string;
  /** What its `include` says; absolute, with `*` in names. */
  readonly include: readonly string[];
  /** What it was read from: the file, and those that it includes. */
  readonly sources: readonly Source[];
  /** Is it read again when one of these files changes? */
  readonly watch: boolean;
  readonly email: string | undefined;
  /** Absolute path of the storage folder. */
  readonly storage: string;
  /** How many worker processes; at least 1. */
  readonly workers: number;
  readonly listen: Listen;
  /** Peers whose X-Forwarded-For is believed, as CIDRs (`10.0.0.0/8`, `2001:db8::/32`). */
  readonly trustedProxies: readonly string[];
  readonly acme: Acme;
  readonly authority: Authority;
  readonly renewal: Renewal;
  readonly alerts: Alerts;
  readonly log: LogConfig;
  /** Numbers of `limits.ts` that the operator changed. */
  readonly limits: LimitChanges;
  readonly hosts: readonly Host[];
}

/** A file of the configuration as it was when it was read. */
export interface Source {
  /** Absolute. */
  readonly file: string;
  /** See {@link stampOfFile}. */
  readonly stamp: string;
}

/** One address to listen on: bound by the supervisor, or a descriptor that it was given. */
export type ListenAddress = TcpListenAddress | { readonly kind: "fd"; readonly fd: number };

export interface TcpListenAddress {
  readonly kind: "tcp";
  /** `undefined`: every address of the machine (`:443`), IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0: any free one. */
  readonly port: number;
}

export interface Listen {
  readonly https: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  /** The port that clients see, for redirects. Undefined: the first https listener's, known when it is bound. */
  readonly publicHttpsPort: number | undefined;
  /** Load balancers that must send a PROXY header, as CIDRs. */
  readonly proxyProtocol: readonly string[];
  /** Absolute path of the admin socket. */
  readonly admin: string;
  /** The status page; bound by the manager. */
  readonly dashboard: Dashboard | undefined;
}

export interface Dashboard {
  readonly address: TcpListenAddress;
  /** Who knows it may look; `undefined`: whoever gets there, which only this machine does. Known to the manager alone. */
  readonly token: string | undefined;
}

export type ChallengeType = "http-01" | "tls-alpn-01" | "dns-01";
export type KeyType = "ecdsa-p256" | "ecdsa-p384" | "rsa-2048" | "rsa-4096";

/** A certificate authority: ours, or one reached by ACME. */
export type Issuer =
  | { readonly kind: "internal" }
  | {
      readonly kind: "acme";
      /** URL of the directory (RFC 8555 §7.1.1). */
      readonly directory: string;
      /** PEM of an extra root for the directory's own TLS, already read. */
      readonly trust: string | undefined;
      /** Known to the manager alone: workers get a configuration without it. */
      readonly eab: AccountBinding | undefined;
      readonly profile: string | undefined;
      /** Common name of the issuer of the topmost certificate of the chain that is wanted. */
      readonly preferredChain: string | undefined;
    };

/** What ties an account to one of the CA's website (RFC 8555 §7.3.4). */
export interface AccountBinding {
  /** The CA's name of the key. */
  readonly kid: string;
  /** The key itself, base64 or base64url. Never logged. */
  readonly hmac: string;
}

export interface Acme {
  /** Tried in order. */
  readonly issuers: readonly Issuer[];
  /** Was `acme.issuers` written in the file? Then reserved names (`localhost` …) use it too. */
  readonly issuersWritten: boolean;
  readonly issue: "at-start" | "first-visit";
  readonly challenges: readonly ChallengeType[];
  readonly keyType: KeyType;
  /** Name servers to ask, as `address:port` (IPv6 in brackets); empty: the machine's own. */
  readonly resolvers: readonly string[];
  /** Who puts records into DNS for hosts without `dns` of their own; empty: nobody. Known to the manager alone. */
  readonly dns: readonly DnsEntry[];
}

export interface Authority {
  /** Life of the certificates that the internal authority issues. */
  readonly lifetimeMs: number;
  /** Suffixes it may certify beyond its own four. */
  readonly permit: readonly string[];
}

export interface Renewal {
  readonly checkEveryMs: number;
  /** `auto`, or renew when this fraction (0-1) of the lifetime is left. */
  readonly at: "auto" | number;
}

/** Who is told of what a person should know. */
export interface Alerts {
  /** URL that is posted to. Known to the manager alone: such URLs are secrets. */
  readonly webhook: string | undefined;
  /** A program and its arguments; no shell. */
  readonly exec: readonly string[] | undefined;
  /** The fraction (0-1) of its life that a certificate has left when it is told that it expires. */
  readonly expiresWithin: number;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: "auto" | "json" | "pretty";
  /** Access lines: none, on standard output, or appended to a file (absolute path). */
  readonly access: "off" | "on" | { readonly path: string };
  /** Are queries told in access lines? */
  readonly query: boolean;
}

/** Who may get a certificate on demand. Either of the two suffices. */
export interface OnDemand {
  readonly ask: string | undefined;
  /** Exact names, or patterns (`*.localhost`) with the internal issuer only. */
  readonly allow: readonly string[];
}

/** One entry of `hosts`, after `a, b:` was taken apart. */
export interface Host {
  readonly pattern: HostPattern;
  readonly action: Action;
  readonly certificate: CertificateSource;
  /** Run after each new certificate: a program and its arguments, no shell. Known to the manager alone. */
  readonly onCertificate?: readonly string[] | undefined;
  /** What it asks of TLS beyond what every host does. */
  readonly tls?: TlsPolicy | undefined;
}

export interface TlsPolicy {
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly clientAuth: ClientAuth | undefined;
}

/** Which certificates clients show. */
export interface ClientAuth {
  /** PEM of the CAs that they are of, already read; their names are told to clients. */
  readonly ca: string;
  /** `request`: a client without one is let in; one that does not verify never is. */
  readonly mode: "require" | "request";
}

/** What a host entry answers to. */
export type HostPattern =
  | { readonly kind: "exact"; readonly host: UriHost }
  /** `*.parent`: exactly one label below. */
  | { readonly kind: "wildcard"; readonly parent: Hostname }
  /** `*`: every name that no other host matches. */
  | { readonly kind: "catch-all" };

/** Where the certificate of a host comes from. */
export type CertificateSource =
  | {
      readonly kind: "acme";
      /** Tried in order; the host's own, or those of `acme.issuers`, or the internal authority. */
      readonly issuers: readonly Issuer[];
      /**
       * Set for wildcard and catch-all hosts whose certificates are made per name. A wildcard without
       * it has one certificate for all its names.
       */
      readonly onDemand: OnDemand | undefined;
      /** The host's own; `undefined`: those of `acme.dns`. */
      readonly dns?: readonly DnsEntry[] | undefined;
    }
  /** Files given by hand; absolute paths. */
  | { readonly kind: "manual"; readonly chain: string; readonly key: string }
  /** Pass-through: no certificate of ours. */
  | { readonly kind: "none" };
