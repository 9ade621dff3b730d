import { isIP } from "node:net";
import { isMachine, readTcpAddress } from "./addresses.ts";
import type { TcpAddress } from "./destination.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** Where a backend is, as written in `to`. */
export type BackendAddress =
  | { readonly kind: "http" | "https" | "h2c" | "tcp"; readonly address: TcpAddress }
  /** Still as written: relative to the file it stands in. */
  | { readonly kind: "unix"; readonly path: string };

const LOOPBACK = "127.0.0.1";
const WANTED =
  "wanted a port such as 3001, host:port, http://, https://, h2c://, tcp:// or unix:/path";
/** What people write for what goes another way. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ["ws", "wanted http://: WebSockets go that way as well"],
  ["wss", "wanted https://: WebSockets go that way as well"],
  ["grpc", "wanted h2c:// (or https://) for gRPC"],
  ["grpcs", "wanted https:// for gRPC"],
]);
const SCHEME = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is;

/** The backend on this machine that listens on `port`. */
export function readBackendPort(port: number): Reading<BackendAddress> {
  return Number.isInteger(port) && port >= 1 && port <= limits.portMax
    ? read({ kind: "http", address: { host: LOOPBACK, port } })
    : wrong(`is not a port, wanted a whole number from 1 to ${limits.portMax}`);
}

/** `3001`, `host:3001`, `http://…`, `https://…`, `h2c://…`, `tcp://…`, `unix:/path`. */
export function readBackendAddress(text: string): Reading<BackendAddress> {
  if (/^\d+$/.test(text)) return readBackendPort(Number(text));
  if (text.startsWith("unix:")) return readUnix(text.slice("unix:".length));

  const [, scheme, rest] = SCHEME.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) {
    const address = readTcpAddress(text);
    if (!address.ok) return wrong(mistakeIn(text));
    return read({ kind: "http", address: address.value });
  }
  switch (scheme.toLowerCase()) {
    case "http":
      return readAuthority("http", rest, limits.httpPort);
    case "https":
      return readAuthority("https", rest, limits.httpsPort);
    case "tcp":
      return readAuthority("tcp", rest, undefined);
    case "h2c":
      return readAuthority("h2c", rest, limits.httpPort);
    default:
      return wrong(`has an unknown scheme, ${INSTEAD.get(scheme.toLowerCase()) ?? WANTED}`);
  }
}

/** What is wrong with a text without a scheme that is no `host:port`. */
function mistakeIn(text: string): string {
  if (isMachine(text)) {
    return `has no port, wanted one such as ${isIP(text) === 6 ? `[${text}]` : text}:3001`;
  }
  if (/^:\d+$/.test(text)) {
    return `has no host, wanted ${text.slice(1)} alone for a port of this machine, or host${text}`;
  }
  if (/^\/[\w./-]+$/.test(text)) return `is a path, wanted unix:${text} for a socket`;
  return `is not a backend, ${WANTED}`;
}

/** What stands behind `scheme://`: `host`, `host:port`, with at most a final `/`. */
function readAuthority(
  kind: "http" | "https" | "h2c" | "tcp",
  rest: string,
  defaultPort: number | undefined,
): Reading<BackendAddress> {
  if (rest.includes("@")) return wrong("holds a user name or password, wanted none: remove it");
  const authority = rest.endsWith("/") && kind !== "tcp" ? rest.slice(0, -1) : rest;
  if (/[/?#]/.test(authority)) {
    return wrong("holds a path, wanted host and port only: `paths` routes by path");
  }
  const v6 = /^\[(.*)\]$/.exec(authority)?.[1];
  if (v6 === undefined && authority.includes(":")) {
    const address = readTcpAddress(authority);
    return address.ok ? read({ kind, address: address.value }) : address;
  }
  const host = v6 ?? authority;
  const isValid = v6 === undefined ? isMachine(host) : isIP(v6) === 6;
  if (!isValid) return wrong(`has no valid host, ${WANTED}`);
  if (defaultPort === undefined)
    return wrong("has no port, wanted one such as tcp://127.0.0.1:1883");
  return read({ kind, address: { host, port: defaultPort } });
}

function readUnix(path: string): Reading<BackendAddress> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (path === "" || /[\u0000-\u001f]/.test(path)) {
    return wrong("has no path, wanted one such as unix:/run/app.sock");
  }
  return read({ kind: "unix", path: path.startsWith("//") ? path.replace(/^\/+/, "/") : path });
}
