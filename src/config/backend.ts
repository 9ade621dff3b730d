import { unreachable } from "../base/errors.ts";
import type { BackendAddress } from "./backend-address.ts";
import type { Backend, PemPair, ProxyProtocol } from "./destination.ts";
import type { Path } from "./faults.ts";
import type { WrittenHost } from "./host-schema.ts";
import { limits } from "./limits.ts";
import { readPairAt } from "./pem-pair.ts";
import { readRootsAt } from "./settings.ts";
import type { Desk } from "./surroundings.ts";

/** How backends are spoken to; what is absent was not written. */
export interface BackendOptions {
  /** PEM of the only roots to trust. */
  readonly ca?: string | undefined;
  readonly serverName?: string | undefined;
  readonly verify?: boolean | undefined;
  readonly http2?: boolean | undefined;
  readonly certificate?: PemPair | undefined;
  readonly host?: "client" | "upstream" | undefined;
  readonly proxyProtocol?: ProxyProtocol | undefined;
}

/** Keys that only mean something for a backend that is spoken to by TLS. */
const TLS_KEYS = ["ca", "serverName", "verify", "http2", "certificate"] as const;

/**
 * The `backend` keys of a host or path. `addresses` are those they apply to: a key that applies to
 * none of them would be ignored, and is a fault.
 */
export function readBackendOptions(
  written: WrittenHost["backend"] = {},
  addresses: readonly BackendAddress[],
  path: Path,
  desk: Desk,
): BackendOptions {
  if (!addresses.some(({ kind }) => kind === "https")) {
    for (const key of TLS_KEYS.filter((name) => written[name] !== undefined)) {
      desk.report([...path, key], "is for https:// backends, remove it", "key");
    }
  }
  if (written.host === "upstream" && addresses.every(({ kind }) => isNameless(kind))) {
    desk.report([...path, "host"], "has no meaning for unix: and tcp:// backends, remove it");
  }
  if (written.proxyProtocol !== undefined && addresses.some(({ kind }) => kind === "h2c")) {
    const why = "does not go with h2c:// backends, whose connections clients share, remove it";
    desk.report([...path, "proxyProtocol"], why);
  }
  const certificate = readPairAt(written.certificate, [...path, "certificate"], desk);
  if (written.ca === undefined) return { ...written, certificate };
  if (written.verify === false) {
    desk.report([...path, "ca"], "does not go with `verify: off`, wanted one of the two", "key");
  }
  return { ...written, certificate, ca: readRootsAt(written.ca, [...path, "ca"], desk) };
}

function isNameless(kind: BackendAddress["kind"]): boolean {
  return kind === "unix" || kind === "tcp";
}

/** One backend with everything that its dialling needs; none after a fault was reported. */
export function readBackend(
  written: BackendAddress,
  options: BackendOptions,
  path: Path,
  desk: Desk,
): readonly Backend[] {
  const hostHeader = options.host === "upstream" ? "backend" : "client";
  const told = options.proxyProtocol && { proxyProtocol: options.proxyProtocol };
  switch (written.kind) {
    case "http":
      return [{ kind: "http", address: written.address, hostHeader, ...told }];
    case "h2c":
      return [{ kind: "h2c", address: written.address, hostHeader }];
    case "https": {
      const { ca, serverName = written.address.host, verify = true, certificate } = options;
      const { address } = written;
      const tls = { serverName, ca, verify, certificate };
      const spoken = options.http2 === false ? { http2: false } : {};
      return [{ kind: "https", address, hostHeader, ...tls, ...spoken, ...told }];
    }
    case "unix": {
      const socket = desk.resolve(written.path);
      if (Buffer.byteLength(socket) > limits.unixPathMaxBytes) {
        desk.report(
          path,
          `is a socket path of more than ${limits.unixPathMaxBytes} bytes, wanted a shorter one`,
        );
      }
      return [{ kind: "unix", path: socket, hostHeader: "client", ...told }];
    }
    case "tcp":
      // Reported by the caller: piping and HTTP do not mix in one host.
      return [];
    default:
      return unreachable(written);
  }
}
