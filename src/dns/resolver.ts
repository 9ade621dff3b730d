import { Resolver as NodeResolver } from "node:dns/promises";
import { codeOf, messageOf } from "../base/errors.ts";

/** What name servers said to one question. */
export type Lookup<Found> =
  | { readonly kind: "found"; readonly records: readonly Found[] }
  /** They answered: there is no such name (NXDOMAIN), or it has nothing of this type (NODATA). */
  | { readonly kind: "absent"; readonly why: "NXDOMAIN" | "NODATA" }
  /** Nobody knows: SERVFAIL, REFUSED, no answer in time. */
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };

/** A CAA record (RFC 8659 §4.1). */
export interface CaaRecord {
  readonly isCritical: boolean;
  /** `issue`, `issuewild`, `iodef` or any other, in lower case. */
  readonly tag: string;
  readonly value: string;
}

export interface ResolverOptions {
  /** `address:port` or a bare address, IPv6 in brackets when a port follows; empty: the machine's own. */
  readonly servers: readonly string[];
  /** For one try at one server. */
  readonly timeoutMs: number;
  /** At each server. */
  readonly tries: number;
}

/** Records of one answer that anybody looks at: addresses and servers are all asked in their turn. */
const RECORDS_MAX = 64;
/** Values at one name: proofs under way hide nowhere. An answer of 64 KiB (RFC 1035 §4.2.2) has no more. */
const VALUES_MAX = 4_096;

/**
 * Asks name servers, never the hosts file, and keeps nothing: every question goes out again. No method
 * rejects but with the signal's reason.
 */
export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** The addresses of a name, IPv4 first. One family that fails does not hide the other. */
  async addresses(name: string, signal: AbortSignal): Promise<Lookup<string>> {
    const [four, six] = await Promise.all([this.ipv4(name, signal), this.ipv6(name, signal)]);
    const records = [four, six].flatMap((each) => (each.kind === "found" ? each.records : []));
    if (records.length > 0) return { kind: "found", records };
    return four.kind === "absent" ? six : four;
  }

  /** A records alone. */
  ipv4(name: string, signal: AbortSignal): Promise<Lookup<string>> {
    return this.#ask((resolver) => resolver.resolve4(name), signal);
  }

  /** AAAA records alone. */
  ipv6(name: string, signal: AbortSignal): Promise<Lookup<string>> {
    return this.#ask((resolver) => resolver.resolve6(name), signal);
  }

  /** The TXT records of a name, the strings of each joined. */
  txt(name: string, signal: AbortSignal): Promise<Lookup<string>> {
    return this.#ask(
      async (resolver) => (await resolver.resolveTxt(name)).map((strings) => strings.join("")),
      signal,
      VALUES_MAX,
    );
  }

  caa(name: string, signal: AbortSignal): Promise<Lookup<CaaRecord>> {
    return this.#ask(
      async (resolver) => (await resolver.resolveCaa(name)).flatMap(readCaa),
      signal,
    );
  }

  /** Names of the servers of a zone. */
  nameServers(zone: string, signal: AbortSignal): Promise<Lookup<string>> {
    return this.#ask((resolver) => resolver.resolveNs(zone), signal);
  }

  /** Where an alias leads; `absent` for a name that is none. */
  alias(name: string, signal: AbortSignal): Promise<Lookup<string>> {
    return this.#ask((resolver) => resolver.resolveCname(name), signal);
  }

  /** Is there a zone of exactly this name? Its serial number, which changes with it. */
  zoneSerial(zone: string, signal: AbortSignal): Promise<Lookup<number>> {
    return this.#ask(async (resolver) => [(await resolver.resolveSoa(zone)).serial], signal);
  }

  /** One of Node's for each question: its `cancel` ends all that are under way. */
  async #ask<Found>(
    question: (resolver: NodeResolver) => Promise<readonly Found[]>,
    signal: AbortSignal,
    recordsMax = RECORDS_MAX,
  ): Promise<Lookup<Found>> {
    signal.throwIfAborted();
    const { servers, timeoutMs, tries } = this.#options;
    const resolver = new NodeResolver({ timeout: timeoutMs, tries });
    if (servers.length > 0) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return lookupOf(await question(resolver), recordsMax);
    } catch (error) {
      signal.throwIfAborted();
      return failureOf(error);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
}

/** Did name servers answer, if only that they fail (SERVFAIL) or want to say nothing (REFUSED)? By the code of a failed look-up. */
export function isAnswer(code: string): boolean {
  return code === "ESERVFAIL" || code === "EREFUSED";
}

function lookupOf<Found>(records: readonly Found[], recordsMax: number): Lookup<Found> {
  if (records.length === 0) return { kind: "absent", why: "NODATA" };
  return { kind: "found", records: records.slice(0, recordsMax) };
}

function failureOf(error: unknown): Lookup<never> {
  const code = codeOf(error) ?? "unknown";
  if (code === "ENOTFOUND") return { kind: "absent", why: "NXDOMAIN" };
  if (code === "ENODATA") return { kind: "absent", why: "NODATA" };
  return { kind: "failed", code, detail: messageOf(error) };
}

/** Node gives each property the name of its tag, beside `critical` and `type`. */
function readCaa(record: object): CaaRecord[] {
  const { critical, type: _, ...properties } = { critical: 0, type: "CAA", ...record };
  return Object.entries(properties).map(([tag, value]) => ({
    isCritical: (Number(critical) & CRITICAL) !== 0,
    tag: tag.toLowerCase(),
    value: String(value),
  }));
}

/** RFC 8659 §4.1: bit 0, the most significant one. */
const CRITICAL = 0x80;
