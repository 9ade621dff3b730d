import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import { Deadline } from "../base/clock.ts";
import { type CaaSet, findCaa } from "../dns/caa.ts";
import { type Lookup, Resolver, type ResolverOptions } from "../dns/resolver.ts";
import { type NameServer, zoneServers } from "../dns/zone-servers.ts";
import type { NameSight, ServerSight } from "./name-findings.ts";

/** How DNS is asked. */
export interface NameLook {
  readonly resolvers: ResolverOptions;
  /** Where authoritative servers listen. */
  readonly authoritativePort: number;
  /** For each part of the look. */
  readonly timeoutMs: number;
}

const LATE: Lookup<never> = { kind: "failed", code: "ETIMEOUT", detail: "no answer in time" };
/** Enough that nobody made such a name. */
const STRANGE_LABEL_BYTES = 8;

/** What DNS says of a name, at the resolvers and at each authoritative server. Rejects with the signal's reason. */
export async function lookAtName(
  host: string,
  look: NameLook,
  signal: AbortSignal,
): Promise<NameSight> {
  const resolver = new Resolver(look.resolvers);
  const startedAt = performance.now();
  let tookMs = 0;
  const timed = async (lookup: Promise<Lookup<string>>) => {
    const found = await lookup;
    tookMs = Math.max(tookMs, performance.now() - startedAt);
    return found;
  };
  using deadline = new Deadline(signal, look.timeoutMs);
  const inTime = deadline.signal;
  const [ipv4, ipv6, alias, strange, servers] = await Promise.all([
    timed(orLate(resolver.ipv4(host, inTime), signal)),
    timed(orLate(resolver.ipv6(host, inTime), signal)),
    orLate(resolver.alias(host, inTime), signal),
    orLate(resolver.addresses(besides(host), inTime), signal),
    lookAtServers(host, look, resolver, signal),
  ]);
  return {
    ...{ host, ipv4, ipv6, tookMs, servers },
    alias: alias.kind === "found" ? alias.records[0] : undefined,
    isByWildcard: isSame(strange, ipv4) || isSame(strange, ipv6),
  };
}

/** The CAA records that decide about a name. Rejects with the signal's reason. */
export async function lookAtCaa(
  host: string,
  { resolvers, timeoutMs }: NameLook,
  signal: AbortSignal,
): Promise<CaaSet> {
  using deadline = new Deadline(signal, timeoutMs);
  try {
    return await findCaa(new Resolver(resolvers), host, deadline.signal);
  } catch {
    signal.throwIfAborted();
    return { kind: "failed", at: host, code: "ETIMEOUT" };
  }
}

/** A name one label beside it that only a wildcard record answers for. */
function besides(host: string): string {
  const dot = host.indexOf(".");
  const label = `latchkey-${randomBytes(STRANGE_LABEL_BYTES).toString("hex")}`;
  return dot === -1 ? label : `${label}${host.slice(dot)}`;
}

function isSame(strange: Lookup<string>, found: Lookup<string>): boolean {
  if (strange.kind !== "found" || found.kind !== "found") return false;
  return found.records.every((address) => strange.records.includes(address));
}

/** Each server is asked alone: recursive ones hide that they disagree. */
async function lookAtServers(
  host: string,
  look: NameLook,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<readonly ServerSight[]> {
  using finding = new Deadline(signal, look.timeoutMs);
  let servers: readonly NameServer[];
  try {
    servers = await zoneServers(resolver, host, look.authoritativePort, finding.signal);
  } catch {
    signal.throwIfAborted();
    return [];
  }
  using asking = new Deadline(signal, look.timeoutMs);
  return await Promise.all(
    servers.map(async ({ name, addresses }): Promise<ServerSight> => {
      const options = { ...look.resolvers, servers: addresses, tries: 1 };
      const asked = new Resolver(options).addresses(host, asking.signal);
      return { name, says: sayingOf(await orLate(asked, signal)) };
    }),
  );
}

function sayingOf(found: Lookup<string>): ServerSight["says"] {
  switch (found.kind) {
    case "found":
      return { kind: "addresses", addresses: found.records };
    case "absent":
      return { kind: "nothing" };
    default:
      return { kind: "silent", code: found.code };
  }
}

/** A deadline of ours is an answer: nobody knows. */
async function orLate<Found>(
  lookup: Promise<Lookup<Found>>,
  signal: AbortSignal,
): Promise<Lookup<Found>> {
  try {
    return await lookup;
  } catch {
    signal.throwIfAborted();
    return LATE;
  }
}
