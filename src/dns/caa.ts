import type { Resolver } from "./resolver.ts";

/** Wildcards and hosts have no more labels than this (RFC 1035 §2.3.4). */
const LABELS_MAX = 128;

/**
 * May a CA that goes by one of `identities` certify the name, as far as CAA says (RFC 8659 §3)? The records of
 * the closest name that has any decide. `undefined` when nobody can tell: a name server fails.
 *
 * @param isWildcard `issuewild` decides where it is there (§4.3).
 */
export async function isAllowedByCaa(
  resolver: Pick<Resolver, "caa">,
  name: { readonly host: string; readonly isWildcard: boolean },
  identities: readonly string[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const labels = name.host.split(".").slice(-LABELS_MAX);
  for (let from = 0; from < labels.length; from += 1) {
    const found = await resolver.caa(labels.slice(from).join("."), signal);
    if (found.kind === "failed") return undefined;
    if (found.kind === "absent") continue;
    const of = (tag: string) => found.records.filter((record) => record.tag === tag);
    const wild = name.isWildcard ? of("issuewild") : [];
    const deciding = wild.length > 0 ? wild : of("issue");
    if (deciding.length === 0) return true;
    return deciding.some(({ value }) => identities.includes(issuerIn(value)));
  }
  return true;
}

/** `letsencrypt.org; validationmethods=http-01` → `letsencrypt.org`. Parameters are the CA's to judge. */
function issuerIn(value: string): string {
  return (value.split(";")[0] ?? "").trim().toLowerCase();
}
