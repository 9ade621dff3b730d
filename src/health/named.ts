import { backendName } from "../backend/identity.ts";
import type { Placed } from "../backend/places.ts";
import { readBackendAddress } from "../config/backend-address.ts";
import { formatPattern, readHostPattern } from "../config/host-pattern.ts";

/**
 * The backends that an operator means: one of a host, in all of its paths, as `status` names it or as it
 * is written in the configuration (`3001`, `10.0.0.5:4001`); or why there is none.
 */
export function findBackend<Each extends Placed>(
  all: readonly Each[],
  host: string,
  named: string,
): readonly Each[] | string {
  const pattern = readHostPattern(host);
  const name = pattern.ok ? formatPattern(pattern.value) : host;
  const ofHost = all.filter(({ place }) => place.host === name);
  if (ofHost.length === 0) return `"${host}" is no host with backends`;
  const wanted = formsOf(named);
  const found = ofHost.filter(({ place }) => wanted.some((form) => place.backend === form));
  if (found.length > 0) return found;
  const known = new Set(ofHost.map(({ backend }) => backendName(backend)));
  return `"${named}" is no backend of ${name}, which has ${[...known].join(", ")}`;
}

/** Without a scheme any will do. */
function formsOf(named: string): readonly string[] {
  const address = readBackendAddress(named);
  if (!address.ok || address.value.kind === "unix" || named.includes("://")) return [named];
  const { host, port } = address.value.address;
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return ["http", "https", "h2c"].map((scheme) => `${scheme}://${place}`);
}
