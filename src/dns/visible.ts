import { getServers } from "node:dns";
import type { Clock } from "../base/clock.ts";
import { dnsFailure, type TxtRecord } from "./record.ts";
import { Resolver, type ResolverOptions } from "./resolver.ts";
import { type NameServer, zoneServers } from "./zone-servers.ts";

export interface VisibleOptions {
  /** Who is asked which servers a zone has, and, when those cannot be found or reached, about the record. */
  readonly resolvers: ResolverOptions;
  /** The servers that must show a record, `address:port`, in place of those of its zone. */
  readonly servers: readonly string[] | undefined;
  /** Where the servers of a zone listen. */
  readonly port: number;
  readonly clock: Clock;
  /** Between two looks. */
  readonly everyMs: number;
  /** A server that has said nothing for so long is not waited for, when the others show the record. */
  readonly silentMs: number;
  /** For everything. */
  readonly timeoutMs: number;
}

/** What a name server said about a record. */
interface Sight {
  readonly server: string;
  readonly kind: "shows" | "lacks" | "silent";
  readonly detail: string;
}

/**
 * Resolves once every authoritative server of its zone shows the record, so that a CA that looks once finds
 * it wherever it asks. Recursive servers would remember for a while that it was not there; they
 * are asked only where the zone's own cannot be found or never say anything.
 *
 * @throws {LatchkeyError} `DNS_FAILED`, with what each server said last; the signal's reason when aborted.
 */
export async function untilVisible(
  record: TxtRecord,
  options: VisibleOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, everyMs, silentMs, timeoutMs } = options;
  const startedAt = clock.now();
  let servers = await serversOf(record.name, options, signal);
  for (;;) {
    const sights = await Promise.all(
      servers.map((server) => look(server, record, options, signal)),
    );
    const elapsed = clock.now() - startedAt;
    if (isSeen(sights, elapsed >= silentMs)) return;
    if (elapsed >= timeoutMs) throw unseen(record, sights, timeoutMs);
    // A network that lets nobody out to port 53 but to its own resolvers.
    const isMute = elapsed >= silentMs && sights.every(({ kind }) => kind === "silent");
    if (isMute && options.servers === undefined) servers = recursive(options);
    await clock.sleep(everyMs, signal);
  }
}

function isSeen(sights: readonly Sight[], isPatient: boolean): boolean {
  const awaited = isPatient ? sights.filter(({ kind }) => kind !== "silent") : sights;
  return awaited.length > 0 && awaited.every(({ kind }) => kind === "shows");
}

function unseen({ name }: TxtRecord, sights: readonly Sight[], timeoutMs: number): Error {
  const said = sights
    .filter(({ kind }) => kind !== "shows")
    .map(({ server, detail }) => `${server}: ${detail}`);
  const why = `after ${Math.round(timeoutMs / 1_000)} s it is not there (${said.join("; ")})`;
  return dnsFailure(`see the TXT record ${name} at every name server of its zone`, why);
}

async function look(
  { name, addresses }: NameServer,
  { name: at, value }: TxtRecord,
  { resolvers }: VisibleOptions,
  signal: AbortSignal,
): Promise<Sight> {
  const lookups = await Promise.all(
    addresses.map((address) =>
      new Resolver({ ...resolvers, tries: 1, servers: [address] }).txt(at, signal),
    ),
  );
  const values = lookups.flatMap((found) => (found.kind === "found" ? [found.records] : []));
  const absent = lookups.find((found) => found.kind === "absent");
  if (absent !== undefined) return { server: name, kind: "lacks", detail: absent.why };
  if (values.some((records) => !records.includes(value)))
    return { server: name, kind: "lacks", detail: "other values" };
  if (values.length > 0) return { server: name, kind: "shows", detail: "shows it" };
  const codes = lookups.map((found) => (found.kind === "failed" ? found.code : found.kind));
  return { server: name, kind: "silent", detail: codes[0] ?? "no address" };
}

/** The servers of the zone that the name is in; without them the recursive ones. */
async function serversOf(
  name: string,
  options: VisibleOptions,
  signal: AbortSignal,
): Promise<readonly NameServer[]> {
  if (options.servers !== undefined) return options.servers.map(single);
  const resolver = new Resolver(options.resolvers);
  const found = await zoneServers(resolver, name, options.port, signal);
  return found.length > 0 ? found : recursive(options);
}

/** The configured resolvers, each on its own, or the machine's as one. */
function recursive({ resolvers }: VisibleOptions): readonly NameServer[] {
  if (resolvers.servers.length > 0) return resolvers.servers.map(single);
  return getServers().map(single);
}

function single(address: string): NameServer {
  return { name: address, addresses: [address] };
}
