import { unreachable } from "../base/errors.ts";
import type { Backend } from "../config/destination.ts";

const keys = new WeakMap<Backend, string>();

/**
 * What two backends must have in common to share connections (and their standing, in `Balancer`):
 * the address and, with TLS, everything that decides whom we trust to be at the other end, and who we are there.
 */
export function backendKey(backend: Backend): string {
  let key = keys.get(backend);
  if (key === undefined) {
    key = JSON.stringify(identityOf(backend));
    keys.set(backend, key);
  }
  return key;
}

function identityOf(backend: Backend): readonly unknown[] {
  switch (backend.kind) {
    case "unix":
      return ["unix", backend.path, backend.proxyProtocol];
    case "http":
      return ["http", backend.address.host, backend.address.port, backend.proxyProtocol];
    case "h2c":
      return ["h2c", backend.address.host, backend.address.port];
    case "https": {
      const { address, serverName, ca, verify, certificate, http2, proxyProtocol } = backend;
      const trust = [serverName, ca, verify, certificate?.chain];
      return ["https", address.host, address.port, ...trust, http2, proxyProtocol];
    }
    default:
      return unreachable(backend);
  }
}

/** A backend as an operator wrote it: for the log. */
export function backendName(backend: Backend): string {
  if (backend.kind === "unix") return `unix:${backend.path}`;
  const { host, port } = backend.address;
  return `${backend.kind}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
