import type { Auth } from "./auth.ts";
import type { Compression } from "./compress.ts";
import type { Entrance, Rules } from "./rules.ts";

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
  /** Of the host itself: for what is refused before its path is known. See {@link Rules}. */
  readonly pages?: Rules["pages"];
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
  /** Requests under way at one backend, over all workers (in each one, at least); undefined: no limit. */
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
      /** May it choose HTTP/2 (ALPN)? Yes, unless said. */
      readonly http2?: boolean;
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
  /** `firstByteMs` of gRPC over HTTP/2; `undefined`: `tunnelIdleTimeoutMs` of the limits. */
  readonly streamFirstByteMs?: number | undefined;
  /** `idleMs` of that, and of what becomes a WebSocket; `undefined`: the same limit. */
  readonly streamIdleMs?: number | undefined;
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
