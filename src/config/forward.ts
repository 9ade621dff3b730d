import { type Auth, readAuth } from "./auth.ts";
import { type BackendOptions, readBackend, readBackendOptions } from "./backend.ts";
import {
  type BalanceOptions,
  readBalance,
  readHealth,
  warnOfSlowLooks,
  warnOfSmallLimit,
} from "./balance.ts";
import { type Compression, readCompress } from "./compress.ts";
import type { Forward, PathEntry, PathRoute, Timeouts } from "./destination.ts";
import type { Path } from "./faults.ts";
import type { HostPlace } from "./host-place.ts";
import { type OwnRules, settleRules } from "./host-rules.ts";
import type { WrittenHost, WrittenPath } from "./host-schema.ts";
import { reportForged } from "./identity-fields.ts";
import { limits } from "./limits.ts";
import { entriesOf, type PathPlace, readAnswer, readEntrance, reportGaps } from "./path-entry.ts";
import type { Entrance } from "./rules.ts";
import type { Desk } from "./surroundings.ts";

/** What a path has from its host where it says nothing itself. */
interface Inherited extends BalanceOptions {
  readonly to?: WrittenHost["to"];
  /** Where `to` stands. */
  readonly toPath: Path;
  readonly timeouts?: WrittenHost["timeouts"];
  readonly maxBody?: number | undefined;
  readonly options: BackendOptions;
  readonly auth: Auth | undefined;
  readonly compress: Compression | undefined;
}

/** Where the requests of a host go, the longest prefix first. What a path does not say, its host does. */
export function readForward(written: WrittenHost, rules: OwnRules, place: HostPlace): Forward {
  const { path, desk } = place;
  const entries = entriesOf(written, path);
  reportGaps(written, entries, place);
  reportForged(written, entries, place);
  for (const each of [{ written, path }, ...entries]) {
    warnOfSlowLooks(each.written.health, [...each.path, "health"], desk);
    warnOfSmallLimit(each.written.maxConnections, place.settings.workers, each.path, desk);
  }
  const everywhere = [written, ...entries.map((entry) => entry.written)].flatMap(
    ({ to }) => to ?? [],
  );
  const options = readBackendOptions(written.backend, everywhere, [...path, "backend"], desk);
  const inherited = {
    ...written,
    toPath: [...path, "to"],
    options,
    auth: readAuth(written.auth, [...path, "auth"], desk),
    compress: readCompress(written.compress),
  };
  const routes = entries.map((entry): PathEntry => {
    const entrance = readEntrance(entry, rules, place);
    const answer = readAnswer(entry, place);
    if (answer !== undefined) return { ...entrance, answer, auth: authOf(entry, inherited, desk) };
    return readPath(entrance, entry, inherited, desk);
  });
  if (written.to !== undefined) {
    const rest = { prefix: "/", stripPrefix: false, rules: settleRules(rules) };
    routes.push(readRoute(rest, {}, inherited, path, desk));
  }
  const { pages } = settleRules(rules) ?? {};
  return {
    kind: "forward",
    ...(pages && { pages }),
    paths: vouching(routes).sort(longestFirst),
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

function readPath(
  entrance: Entrance,
  { written, path }: PathPlace,
  host: Inherited,
  desk: Desk,
): PathRoute {
  const toPath = written.to === undefined ? host.toPath : [...path, "to"];
  const to = written.to ?? host.to ?? [];
  if (to.length === 0)
    desk.report(
      path,
      "leads nowhere, wanted `to` (here or in its host), `redirect` or `respond`",
      "key",
    );
  if (to.some(({ kind }) => kind === "tcp"))
    desk.report(toPath, "is tcp://, which has no paths, wanted http:// or https://");
  const own = readBackendOptions(written.backend, to, [...path, "backend"], desk);
  const inherited = { ...host, to, toPath, options: { ...host.options, ...own } };
  return readRoute(entrance, written, inherited, path, desk);
}

function readRoute(
  entrance: Entrance,
  written: Pick<WrittenPath, "timeouts" | "maxBody" | "auth" | "compress"> & BalanceOptions,
  host: Inherited,
  path: Path,
  desk: Desk,
): PathRoute {
  const { to = [], toPath } = host;
  const timeouts = { ...host.timeouts, ...written.timeouts };
  const balancing = inherit(host, written);
  return {
    ...entrance,
    backends: to.flatMap((address) => readBackend(address, host.options, toPath, desk)),
    balance: readBalance(balancing, to, toPath, desk),
    health: readHealth(balancing.health),
    timeouts: {
      connectMs: timeouts.connect ?? limits.backendConnectTimeoutMs,
      firstByteMs: timeouts.firstByte ?? limits.backendFirstByteTimeoutMs,
      idleMs: timeouts.idle ?? limits.backendIdleTimeoutMs,
      streamFirstByteMs: timeouts.firstByte,
      streamIdleMs: timeouts.idle,
    },
    maxBodyBytes: written.maxBody ?? host.maxBody,
    auth: authOf({ written, path }, host, desk),
    compress: written.compress === undefined ? host.compress : readCompress(written.compress),
  };
}

/** Who may in: what a path does not say its host says, also of what is answered here. */
function authOf(
  { written, path }: { readonly written: Pick<WrittenPath, "auth">; readonly path: Path },
  host: Inherited,
  desk: Desk,
): Auth | undefined {
  const { auth } = written;
  return auth === undefined ? host.auth : readAuth(auth, [...path, "auth"], desk);
}

/**
 * What a service vouches for on one path, a backend believes on all: so nobody may send it on any path
 * of the host, not even where everybody may in.
 */
function vouching(paths: readonly PathEntry[]): PathEntry[] {
  const names = paths.flatMap((path) =>
    path.answer === undefined && path.auth?.kind === "forward" ? path.auth.copied : [],
  );
  const vouched = [...new Set(names)];
  return paths.map((path) =>
    vouched.length === 0 || path.answer !== undefined ? path : { ...path, vouched },
  );
}

/** What a path says itself stands before what its host does. */
function inherit(host: BalanceOptions, path: BalanceOptions): BalanceOptions {
  return {
    balance: path.balance ?? host.balance,
    health: path.health ?? host.health,
    maxConnections: path.maxConnections ?? host.maxConnections,
    slowStart: path.slowStart ?? host.slowStart,
    ejectAfter: path.ejectAfter ?? host.ejectAfter,
  };
}

/** Entries of equal length stay in the order of the file. */
function longestFirst(one: PathEntry, other: PathEntry): number {
  return other.prefix.length - one.prefix.length;
}
