import type { Hostname } from "../base/hostname.ts";
import type { LogLevel } from "../base/log.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Auth } from "./auth.ts";
import type { LimitChanges } from "./changeable-limits.ts";
import type { Compression } from "./compress.ts";
import type { DnsEntry } from "./dns-entry.ts";
import type { Entrance, Rules } from "./rules.ts";

/** The whole configuration after reading: defaults filled in, paths absolute, hosts normalised. Plain JSON. */
export interface Config {
  /** Where it was read from. */
  readonly file: string;
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

/** One address to listen on: bound by the supervisor, or a descriptor that it was given. */
export type ListenAddress =
  /** `host` undefined: every address of the machine (`:443`), IPv6 and IPv4. */
  | { readonly kind: "tcp"; readonly host: string | undefined; readonly port: number }
  | { readonly kind: "fd"; readonly fd: number };

export interface Listen {
  readonly https: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  /** The port that clients see, for redirects. Undefined: the first https listener's, known when it is bound. */
  readonly publicHttpsPort: number | undefined;
  /** Load balancers that must send a PROXY header, as CIDRs. */
  readonly proxyProtocol: readonly string[];
  /** Absolute path of the admin socket. */
  readonly admin: string;
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

/** What happens to a connection or request for a host. */
export type Action =
  | Forward
  /** TLS terminated, plaintext piped both ways, no HTTP looked at. */
  | {
      readonly kind: "tcp";
      readonly backend: TcpAddress;
      readonly timeouts: Timeouts;
      readonly proxyProtocol?: ProxyProtocol | undefined;
    }
  /** Routed by SNI, never decrypted. */
  | {
      readonly kind: "pass-through";
      readonly backend: TcpAddress;
      readonly timeouts: Timeouts;
      readonly proxyProtocol?: ProxyProtocol | undefined;
    }
  | Redirect
  | Respond
  /** Certified for another program; nothing is served under its name here. */
  | { readonly kind: "certificate-only" };

export interface Forward {
  readonly kind: "forward";
  /** Longest prefix first; the last one is always `/` and catches the rest. */
  readonly paths: readonly PathEntry[];
}

export type PathEntry = PathRoute | PathAnswer;

/** A path prefix that is answered here. */
export interface PathAnswer extends Entrance {
  readonly answer: Redirect | Respond;
  /** Undefined: everybody may see it. */
  readonly auth?: Auth | undefined;
}

/** A path prefix and where its requests go. */
export interface PathRoute extends Entrance {
  readonly answer?: undefined;
  /** At least one. */
  readonly backends: readonly Backend[];
  readonly balance: Balance;
  /** How the manager finds out which of them are up; undefined: it does not look. */
  readonly health: HealthCheck | undefined;
  readonly timeouts: Timeouts;
  /** Largest request body in bytes; undefined: no limit. */
  readonly maxBodyBytes: number | undefined;
  /** Undefined: everybody may in. */
  readonly auth?: Auth | undefined;
  /** Fields, in lower case, that a service of this host vouches for: taken off every request that comes. */
  readonly vouched?: readonly string[] | undefined;
  /** Undefined: answers go out as they come. */
  readonly compress?: Compression | undefined;
}

export type BalanceMethod =
  | "round-robin"
  | "least-connections"
  | "random-two"
  | "client-hash"
  | "cookie";

/** Which of a route's backends a request goes to. */
export interface Balance {
  readonly method: BalanceMethod;
  /** What each of the backends gets beside the others, in their order. */
  readonly weights: readonly number[];
  /** Requests under way at one backend, over all workers; undefined: no limit. */
  readonly maxConnections: number | undefined;
  /** How long a backend that is back takes to get its whole share; 0: none. */
  readonly slowStartMs: number;
  /** Answers in a row that are 5xx or broken, after which a backend is passed over; undefined: any number. */
  readonly ejectAfter: number | undefined;
}

/** A look at a backend that is repeated for as long as the program runs. */
export interface HealthCheck {
  /** What is asked for by GET; undefined: being connected (and verified, with TLS) is enough. */
  readonly path: string | undefined;
  /** Statuses of a healthy answer, from and to (inclusive). */
  readonly statuses: readonly (readonly [from: number, to: number])[];
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Good looks in a row that bring a backend back. */
  readonly healthyAfter: number;
  /** Bad looks in a row that take it out. */
  readonly unhealthyAfter: number;
}

/** A certificate chain and its key, already read. */
export interface PemPair {
  readonly chain: string;
  readonly key: string;
}

export interface TcpAddress {
  /** Name or IP address. */
  readonly host: string;
  readonly port: number;
}

export type Backend =
  | {
      readonly kind: "http";
      readonly address: TcpAddress;
      readonly hostHeader: "client" | "backend";
      readonly proxyProtocol?: ProxyProtocol | undefined;
    }
  | {
      /** HTTP/2 without TLS, known beforehand (RFC 9113 §3.3). */
      readonly kind: "h2c";
      readonly address: TcpAddress;
      readonly hostHeader: "client" | "backend";
    }
  | {
      readonly kind: "https";
      readonly address: TcpAddress;
      readonly hostHeader: "client" | "backend";
      /** Checked against the backend's certificate, and sent as SNI. */
      readonly serverName: string;
      /** PEM of the only roots to trust, already read; undefined: the machine's. */
      readonly ca: string | undefined;
      readonly verify: boolean;
      /** PEM of what we show a backend that asks for it. */
      readonly certificate?: PemPair | undefined;
      readonly proxyProtocol?: ProxyProtocol | undefined;
    }
  | {
      readonly kind: "unix";
      readonly path: string;
      readonly hostHeader: "client";
      readonly proxyProtocol?: ProxyProtocol | undefined;
    };

/** The version of the PROXY header that each connection to a backend begins with. */
export type ProxyProtocol = "v1" | "v2";

export interface Timeouts {
  readonly connectMs: number;
  /** From the last byte of the request sent to the first byte of the answer. */
  readonly firstByteMs: number;
  /** Without a byte in either direction. */
  readonly idleMs: number;
}

export interface Redirect {
  readonly kind: "redirect";
  /** Name, or IP address without brackets; undefined: the request's own. */
  readonly host: string | undefined;
  /** Undefined: the port that clients see. */
  readonly port: number | undefined;
  /** Undefined: the request's own. */
  readonly path: string | undefined;
  readonly status: 301 | 302 | 303 | 307 | 308;
  readonly rules?: Rules | undefined;
}

export interface Respond {
  readonly kind: "respond";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly rules?: Rules | undefined;
}
