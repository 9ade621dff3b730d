import { type Auth, readAuth } from "./auth.ts";
import { type BackendOptions, readBackend, readBackendOptions } from "./backend.ts";
import { type Compression, readCompress } from "./compress.ts";
import type { Forward, PathRoute, Timeouts } from "./config.ts";
import type { Path } from "./faults.ts";
import type { HostPlace } from "./host-place.ts";
import type { WrittenHost, WrittenPath } from "./host-schema.ts";
import { limits } from "./limits.ts";
import type { Desk } from "./surroundings.ts";

/** What a path has from its host where it says nothing itself. */
interface Inherited {
  readonly timeouts: WrittenHost["timeouts"];
  readonly maxBody: number | undefined;
  readonly options: BackendOptions;
  readonly auth: Auth | undefined;
  readonly compress: Compression | undefined;
}

/** Where the requests of a host go, the longest prefix first. What a path does not say, its host does. */
export function readForward(written: WrittenHost, { path, desk }: HostPlace): Forward {
  const paths = Object.entries(written.paths ?? {});
  reportGaps(written, path, desk);
  const everywhere = [written.to, ...paths.map(([, one]) => one.to)].flatMap((to) => to ?? []);
  const options = readBackendOptions(written.backend, everywhere, [...path, "backend"], desk);
  const inherited = {
    timeouts: written.timeouts,
    maxBody: written.maxBody,
    options,
    auth: readAuth(written.auth, [...path, "auth"], desk),
    compress: readCompress(written.compress),
  };
  const routes = paths.map(([prefix, one]) => {
    return readPath(prefix, one, inherited, [...path, "paths", prefix], desk);
  });
  const rest = readRoute("/", { to: written.to }, inherited, path, desk);
  return {
    kind: "forward",
    paths: vouching(written.to === undefined ? routes : [...routes, rest]).sort(longestFirst),
  };
}

/** The deadlines of bytes that are piped, not read: `firstByte` has no meaning there. */
export function readTunnelTimeouts({ timeouts }: WrittenHost, { path, desk }: HostPlace): Timeouts {
  if (timeouts?.firstByte !== undefined) {
    desk.report(
      [...path, "timeouts", "firstByte"],
      "has no meaning without HTTP, remove it",
      "key",
    );
  }
  return {
    connectMs: timeouts?.connect ?? limits.backendConnectTimeoutMs,
    firstByteMs: limits.backendFirstByteTimeoutMs,
    idleMs: timeouts?.idle ?? limits.tunnelIdleTimeoutMs,
  };
}

/** Every request must go somewhere, and only to one place. */
function reportGaps(written: WrittenHost, path: Path, desk: Desk): void {
  const hasRest = written.paths !== undefined && "/" in written.paths;
  if (written.to === undefined && !hasRest) {
    desk.report([...path, "paths"], 'leaves requests over, wanted `to` beside it, or a "/"', "key");
  }
  if (written.to !== undefined && hasRest) {
    desk.report([...path, "paths", "/"], "means the same as `to`, wanted one of the two", "key");
  }
}

function readPath(
  prefix: string,
  written: WrittenPath,
  host: Inherited,
  path: Path,
  desk: Desk,
): PathRoute {
  const { to = [] } = written;
  if (to.length === 0) desk.report(path, "leads nowhere, wanted `to`", "key");
  if (to.some(({ kind }) => kind === "tcp")) {
    desk.report([...path, "to"], "is tcp://, which has no paths, wanted http:// or https://");
  }
  const own = readBackendOptions(written.backend, to, [...path, "backend"], desk);
  const inherited = { ...host, options: { ...host.options, ...own } };
  return readRoute(prefix, written, inherited, path, desk);
}

function readRoute(
  prefix: string,
  written: Omit<WrittenPath, "backend">,
  host: Inherited,
  path: Path,
  desk: Desk,
): PathRoute {
  const timeouts = { ...host.timeouts, ...written.timeouts };
  return {
    prefix,
    stripPrefix: written.stripPrefix ?? false,
    backends: (written.to ?? []).flatMap((address) =>
      readBackend(address, host.options, [...path, "to"], desk),
    ),
    timeouts: {
      connectMs: timeouts.connect ?? limits.backendConnectTimeoutMs,
      firstByteMs: timeouts.firstByte ?? limits.backendFirstByteTimeoutMs,
      idleMs: timeouts.idle ?? limits.backendIdleTimeoutMs,
    },
    maxBodyBytes: written.maxBody ?? host.maxBody,
    auth: written.auth === undefined ? host.auth : readAuth(written.auth, [...path, "auth"], desk),
    compress: written.compress === undefined ? host.compress : readCompress(written.compress),
  };
}

/**
 * What a service vouches for on one path, a backend believes on all: so nobody may send it on any path
 * of the host, not even where everybody may in.
 */
function vouching(routes: readonly PathRoute[]): PathRoute[] {
  const names = routes.flatMap(({ auth }) => (auth?.kind === "forward" ? auth.copied : []));
  const vouched = [...new Set(names)];
  return routes.map((route) => (vouched.length === 0 ? route : { ...route, vouched }));
}

function longestFirst(one: PathRoute, other: PathRoute): number {
  return other.prefix.length - one.prefix.length;
}
