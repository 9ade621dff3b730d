import { lookup, Resolver } from "node:dns/promises";
import { systemClock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import { BackendNames, type Found } from "./names.ts";

/** The names of backends as this machine knows them. */
export function systemNames(log: Log): BackendNames {
  return new BackendNames({ find: findAddresses, clock: systemClock, log });
}

/**
 * Asks as every program of this machine does (hosts file, search domains, name servers) for the addresses,
 * and the name servers alone for how long they hold: the system keeps that to itself.
 *
 * @throws The system's error (`ENOTFOUND`, `EAI_AGAIN` …) when it knows no address.
 */
async function findAddresses(name: string): Promise<Found> {
  const [addresses, ttlMs] = await Promise.all([lookup(name, { all: true }), ttlOf(name)]);
  return { addresses, ttlMs };
}

/** The shortest of both families. Never rejects. */
async function ttlOf(name: string): Promise<number | undefined> {
  const resolver = new Resolver({ timeout: limits.nameTtlTimeoutMs, tries: 1 });
  const lists = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const seconds = lists.flatMap((list) =>
    list.status === "fulfilled" ? list.value.map(({ ttl }) => ttl) : [],
  );
  return seconds.length === 0 ? undefined : Math.min(...seconds) * 1_000;
}
