import { LatchkeyError } from "../base/errors.ts";
import { ancestry, dnsFailure, parseDnsName } from "./record.ts";
import { isAnswer, type Resolver } from "./resolver.ts";

/** Aliases one behind the other; real ones are one or two. */
const ALIASES_MAX = 8;

/**
 * Where a name leads when it is an alias: what is asked for there is found at the end (RFC 1034 §3.6.2),
 * which is how `_acme-challenge` names are delegated.
 *
 * @throws {LatchkeyError} `DNS_FAILED`: an alias that leads on for too long, or nobody knows.
 */
export async function followAliases(
  resolver: Resolver,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  let current = name;
  for (let hop = 0; hop <= ALIASES_MAX; hop += 1) {
    const found = await resolver.alias(current, signal);
    if (found.kind === "failed") throw unknown(`follow the alias ${current}`, found);
    const [target] = found.kind === "found" ? found.records : [];
    if (target === undefined) return current;
    const next = parseDnsName(target);
    if (next === undefined) throw misled(current, "it leads to no name");
    current = next;
  }
  throw misled(name, `it leads on for more than ${ALIASES_MAX} names`);
}

/**
 * The zone that a name is in: the nearest name above it, or itself, that has an SOA.
 *
 * @param resolver Who is asked: the zone that these servers know.
 * @throws {LatchkeyError} `DNS_FAILED`.
 */
export async function findZone(
  resolver: Resolver,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  for (const candidate of ancestry(name)) {
    const found = await resolver.zoneSerial(candidate, signal);
    if (found.kind === "failed") throw unknown(`find the zone of ${name}`, found);
    // `www` may lead to its own zone, whose SOA is then the answer; an alias has none itself.
    if (found.kind === "found" && (await isNoAlias(resolver, candidate, signal))) return candidate;
  }
  throw dnsFailure(`find the zone of ${name}`, "no name above it has an SOA record");
}

async function isNoAlias(resolver: Resolver, name: string, signal: AbortSignal): Promise<boolean> {
  return (await resolver.alias(name, signal)).kind !== "found";
}

function unknown(action: string, { code, detail }: { code: string; detail: string }): Error {
  return dnsFailure(action, `${detail} (${code})`, undefined, { answer: code });
}

function misled(name: string, why: string): Error {
  return dnsFailure(`follow the alias ${name}`, why, undefined, { alias: name });
}

/** The alias that leads nowhere, where {@link followAliases} failed by one. */
export function misleadingAlias(error: unknown): string | undefined {
  const alias = error instanceof LatchkeyError ? error.facts["alias"] : undefined;
  return typeof alias === "string" ? alias : undefined;
}

/**
 * Has nobody answered what {@link followAliases} or {@link findZone} asked, so that nothing is known of the
 * name? An answer that name servers fail (SERVFAIL) or want to give none (REFUSED) is one.
 */
export function isUnanswered(error: unknown): boolean {
  const answer = error instanceof LatchkeyError ? error.facts["answer"] : undefined;
  return typeof answer === "string" && !isAnswer(answer);
}
