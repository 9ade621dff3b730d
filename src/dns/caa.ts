import { type CaaRecord, isAnswer, type Resolver } from "./resolver.ts";

/** The records that decide about a name (RFC 8659 §3): those of the closest name at or above it that has any. */
export type CaaSet =
  | { readonly kind: "none" }
  | { readonly kind: "found"; readonly at: string; readonly records: readonly CaaRecord[] }
  /** Nobody knows, and a CA that does not know must not issue. */
  | { readonly kind: "failed"; readonly at: string; readonly code: string };

/** Who wants to certify a name, and how. */
export interface CaaQuestion {
  /** The names by which the CA goes, as its directory says; empty: it does not say. */
  readonly identities: readonly string[];
  readonly isWildcard: boolean;
  /** URL of our account there; `undefined`: there is none yet. */
  readonly account: string | undefined;
  /** The challenges that we can answer. */
  readonly methods: readonly string[];
}

/** What a set of records means for a CA. */
export type CaaVerdict =
  | { readonly kind: "allowed" }
  | {
      readonly kind: "forbidden";
      /** What forbids it: a tag that must be understood, the CA's absence, or a parameter (RFC 8657). */
      readonly by: "critical" | "issuer" | "accounturi" | "validationmethods";
      /** The deciding values, as they stand in DNS. */
      readonly values: readonly string[];
    }
  /** Some CAs are named, and this one does not say by which name it goes. */
  | { readonly kind: "unclear"; readonly values: readonly string[] };

/** No name has more (RFC 1035 §2.3.4). */
const LABELS_MAX = 128;
/** The IANA registry of Certification Authority Restriction Properties. */
const KNOWN_TAGS: ReadonlySet<string> = new Set([
  ...["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"],
]);

const OF_PARAMETERS: readonly string[] = ["accounturi", "validationmethods"];

/** Climbs from the name to the first that has CAA records. Rejects only with the signal's reason. */
export async function findCaa(
  resolver: Pick<Resolver, "caa">,
  host: string,
  signal: AbortSignal,
): Promise<CaaSet> {
  const labels = host.split(".").slice(-LABELS_MAX);
  const names = labels.map((_, index) => labels.slice(index).join("."));
  // All at once: one after the other, silent servers would add up.
  const lookups = await Promise.all(names.map((name) => resolver.caa(name, signal)));
  for (const [index, found] of lookups.entries()) {
    const at = names[index] ?? host;
    if (found.kind === "failed") return { kind: "failed", at, code: found.code };
    if (found.kind === "found") return { kind: "found", at, records: found.records };
  }
  return { kind: "none" };
}

/** May the CA certify the name by these records (RFC 8659 §4)? */
export function judgeCaa(records: readonly CaaRecord[], question: CaaQuestion): CaaVerdict {
  const critical = records.filter(({ isCritical, tag }) => isCritical && !KNOWN_TAGS.has(tag));
  if (critical.length > 0) {
    return { kind: "forbidden", by: "critical", values: critical.map(({ tag }) => tag) };
  }
  const deciding = decidingOf(records, question.isWildcard);
  if (deciding.length === 0) return { kind: "allowed" };
  const properties = deciding.map(({ value }) => readIssue(value));
  const values = deciding.map(({ tag, value }) => `${tag} "${value}"`);
  const named = properties.filter(({ issuer }) => issuer !== "");
  if (question.identities.length === 0 && named.length > 0) return { kind: "unclear", values };
  const ours = named.filter(({ issuer }) => question.identities.includes(issuer));
  if (ours.length === 0) return { kind: "forbidden", by: "issuer", values };
  const faults = ours.map((property) => faultOf(property, question));
  const [fault] = faults;
  if (fault === undefined || faults.includes(undefined)) return { kind: "allowed" };
  return { kind: "forbidden", by: fault, values };
}

/**
 * May a CA that goes by one of `identities` certify the name, as far as its account and challenges do not count?
 * It may not where name servers fail (RFC 8659 §3). `undefined` when nobody can tell: none answers, or the CA does not
 * say how it is called.
 */
export async function isAllowedByCaa(
  resolver: Pick<Resolver, "caa">,
  name: { readonly host: string; readonly isWildcard: boolean },
  identities: readonly string[],
  signal: AbortSignal,
): Promise<boolean | undefined> {
  const set = await findCaa(resolver, name.host, signal);
  if (set.kind === "failed") return isAnswer(set.code) ? false : undefined;
  if (set.kind === "none") return true;
  const { isWildcard } = name;
  const question = { identities, isWildcard, account: undefined, methods: [] };
  const verdict = judgeCaa(set.records, question);
  if (verdict.kind === "unclear") return undefined;
  return verdict.kind === "allowed" || OF_PARAMETERS.includes(verdict.by);
}

/** §4.3: `issuewild` decides about wildcards where it is there. */
function decidingOf(records: readonly CaaRecord[], isWildcard: boolean): readonly CaaRecord[] {
  const of = (tag: string) => records.filter((record) => record.tag === tag);
  const wild = isWildcard ? of("issuewild") : [];
  return wild.length > 0 ? wild : of("issue");
}

interface IssueProperty {
  /** Empty: nobody. */
  readonly issuer: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

/** `letsencrypt.org; validationmethods=http-01; accounturi=https://…` (§4.2) */
function readIssue(value: string): IssueProperty {
  const [issuer = "", ...rest] = value.split(";");
  const parameters = rest.flatMap((text) => {
    const [, name, said = ""] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(text) ?? [];
    return name === undefined ? [] : [[name.toLowerCase(), said] as const];
  });
  return { issuer: issuer.trim().toLowerCase(), parameters };
}

/** RFC 8657: each of the two parameters narrows the permission down. */
function faultOf(
  { parameters }: IssueProperty,
  { account, methods }: CaaQuestion,
): "accounturi" | "validationmethods" | undefined {
  for (const [name, value] of parameters) {
    if (name === "accounturi" && value !== account) return "accounturi";
    const listed = value.split(",").map((method) => method.trim().toLowerCase());
    if (name === "validationmethods" && !methods.some((method) => listed.includes(method)))
      return "validationmethods";
  }
  return undefined;
}
