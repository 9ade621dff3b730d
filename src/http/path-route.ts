import { unreachable } from "../base/errors.ts";
import type { Backend, PathRoute } from "../config/config.ts";

/** The route of a target among `paths`, longest prefix first; the last one takes what is left. */
export function choosePath(paths: readonly PathRoute[], target: string): PathRoute {
  for (const path of paths) if (target.startsWith(path.prefix)) return path;
  const last = paths.at(-1);
  if (last === undefined) throw new TypeError("Cannot choose a path: the route has none");
  return last;
}

/** The target that the backend gets: with the prefix taken off (but for its last `/`), if it is to be. */
export function backendTarget(path: PathRoute, target: string): string {
  if (!path.stripPrefix || !target.startsWith(path.prefix)) return target;
  const { length } = path.prefix;
  const rest = target.slice(path.prefix.endsWith("/") ? length - 1 : length);
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** The value of Host for a backend: the client's, unless the configuration wants the backend's own. */
export function backendAuthority(backend: Backend, clientAuthority: string): string {
  if (backend.kind === "unix" || backend.hostHeader === "client") return clientAuthority;
  const { host, port } = backend.address;
  const name = host.includes(":") ? `[${host}]` : host;
  return port === defaultPort(backend.kind) ? name : `${name}:${port}`;
}

function defaultPort(kind: "http" | "https"): number {
  switch (kind) {
    case "http":
      return 80;
    case "https":
      return 443;
    default:
      return unreachable(kind);
  }
}
