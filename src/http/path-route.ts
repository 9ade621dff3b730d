import { unreachable } from "../base/errors.ts";
import { prefixEnd, readUriPath } from "../base/uri-path.ts";
import type { Backend, PathEntry, PathRoute } from "../config/destination.ts";
import type { Entrance, Match, Rules } from "../config/rules.ts";
import type { Admitted } from "./admit.ts";
import type { Fields } from "./fields.ts";
import type { HttpAction, Place } from "./surroundings.ts";

/** What is done with a request for a host that does this; `undefined`: see {@link choosePath}. */
export function choosePlace(action: HttpAction, request: Admitted): Place | undefined {
  return action.kind === "forward" ? choosePath(action.paths, request) : action;
}

/** What holds for a request of which nobody knows the path: the pages of its host alone. */
export function hostPlace(action: HttpAction): { readonly rules?: Pick<Rules, "pages"> } {
  const pages = action.kind === "forward" ? action.pages : action.rules?.pages;
  return pages === undefined ? {} : { rules: { pages } };
}

/**
 * The entry of a request among `paths`, longest prefix first; the last one takes what is left.
 * `undefined`: nobody may have the request. A prefix need not end where a segment does, so that
 * `/files../x` belongs to `/files`: with that prefix rewritten to `/static/` it would lead out of it.
 */
function choosePath(paths: readonly PathEntry[], request: Admitted): PathEntry | undefined {
  const [only] = paths;
  if (only !== undefined && paths.length === 1 && !isRewritten(only)) return only;
  const entry = entryOf(paths, request);
  if (entry === undefined || !isRewritten(entry)) return entry;
  const built = readUriPath(onwardTarget(entry, request.target));
  return built?.kind === "ambiguous" ? undefined : entry;
}

/**
 * Where there is a choice, every reading of the path must lead to the same entry, or else a rule could
 * be gone around with one that the backend reads and we do not: `undefined`.
 */
function entryOf(paths: readonly PathEntry[], request: Admitted): PathEntry | undefined {
  const reading = readUriPath(request.target);
  if (reading === undefined) return firstFitting(paths, request.target, request);
  if (reading.kind === "ambiguous") return undefined;
  const strictly = firstFitting(paths, reading.strictly, request);
  return firstFitting(paths, reading.loosely, request) === strictly ? strictly : undefined;
}

/** Is it forwarded, not answered here? */
export function isRoute(place: Place): place is PathRoute {
  return !("kind" in place) && place.answer === undefined;
}

function firstFitting(paths: readonly PathEntry[], path: string, request: Admitted): PathEntry {
  for (const entry of paths) {
    if (!path.startsWith(entry.prefix)) continue;
    if (entry.match === undefined || fits(entry.match, request)) return entry;
  }
  const last = paths.at(-1);
  if (last === undefined) throw new TypeError("Cannot choose a path: the route has none");
  return last;
}

function fits({ methods, headers = [] }: Match, request: Admitted): boolean {
  if (methods !== undefined && !methods.includes(request.method)) return false;
  return headers.every(({ name, value, isPrefix }) => {
    // What Connection names goes no further: the backend will not see it either.
    if (request.named.includes(name)) return false;
    const sent = combinedValue(request.head.fields, name);
    return isPrefix ? sent?.startsWith(value) === true : sent === value;
  });
}

/** The values under a name (lower case), as one (RFC 9110 §5.3); `undefined`: none. */
function combinedValue(fields: Fields, name: string): string | undefined {
  let value: string | undefined;
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.nameText(index).toLowerCase() !== name) continue;
    value = value === undefined ? fields.value(index) : `${value}, ${fields.value(index)}`;
  }
  return value;
}

/**
 * The target that goes on: with the prefix taken off (but for its last `/`) or replaced, if it is to be.
 * Begins with one `/` only, since some take `//name/` for another host.
 */
export function onwardTarget(entry: Entrance, target: string): string {
  if (!isRewritten(entry)) return target;
  const { prefix, replacePrefix } = entry;
  const end = prefixEnd(target, prefix);
  if (end === undefined) return target;
  const rest = target.slice(end);
  const isFolder = prefix.endsWith("/") || rest.startsWith("/");
  const start = isFolder ? (replacePrefix ?? "").replace(/\/$/, "") : (replacePrefix ?? "");
  const path = isFolder ? `${start}/${rest.replace(/^\/+/, "")}` : `${start}${rest}`;
  return path.startsWith("/") ? path : `/${path}`;
}

function isRewritten({ stripPrefix, replacePrefix }: Entrance): boolean {
  return stripPrefix || replacePrefix !== undefined;
}

/** The value of Host for a backend: the client's, unless the configuration wants the backend's own. */
export function backendAuthority(backend: Backend, clientAuthority: string): string {
  if (backend.kind === "unix" || backend.hostHeader === "client") return clientAuthority;
  const { host, port } = backend.address;
  const name = host.includes(":") ? `[${host}]` : host;
  return port === defaultPort(backend.kind) ? name : `${name}:${port}`;
}

function defaultPort(kind: "http" | "h2c" | "https"): number {
  switch (kind) {
    case "http":
    case "h2c":
      return 80;
    case "https":
      return 443;
    default:
      return unreachable(kind);
  }
}
