import { parseUriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { formatPattern } from "../config/host-pattern.ts";
import type { BackendPlace } from "../process/messages.ts";
import { backendName } from "./identity.ts";

/** A backend where a route has it. */
export interface Placed {
  readonly place: BackendPlace;
  readonly route: PathRoute;
  /** Among the backends of the route. */
  readonly index: number;
  readonly backend: Backend;
  /** The name that its requests are for; undefined: any name of a wildcard. */
  readonly host: string | undefined;
}

/** Every backend that HTTP requests go to, in the order of the configuration. */
export function placesOf(hosts: readonly Host[]): readonly Placed[] {
  return hosts.flatMap(({ pattern, action }) => {
    if (action.kind !== "forward") return [];
    const name = formatPattern(pattern);
    return action.paths.flatMap((route) => {
      if (route.answer !== undefined) return [];
      return route.backends.map((backend, index) => {
        const place = { host: name, path: route.prefix, backend: backendName(backend) };
        return { place, route, index, backend, host: parseUriHost(name) };
      });
    });
  });
}

/** Tells one place from every other; routes of one prefix (for other methods, say) share theirs. */
export function placeKey({ host, path, backend }: BackendPlace): string {
  return `${host} ${path} ${backend}`;
}
