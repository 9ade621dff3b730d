/** The record of draft-ietf-acme-dns-persist, by which an operator lets a CA certify a name for good. Pure. */

/** Where it is looked for. */
export function persistName(host: string): string {
  return `_validation-persist.${host}`;
}

/** What a record has to say to prove something now. */
export interface PersistWanted {
  /** Any of these names of the CA. */
  readonly issuers: readonly string[];
  /** URL of the account. */
  readonly accountUrl: string;
  readonly isWildcard: boolean;
  readonly nowSeconds: number;
}

/** Does the value of a TXT record (an issue-value of RFC 8659 §4.2) say all that is wanted? */
export function permits(text: string, wanted: PersistWanted): boolean {
  const [issuer = "", ...parameters] = text.split(";").map((part) => part.trim());
  const names = wanted.issuers.map(plain);
  if (!names.includes(plain(issuer))) return false;
  const values = new Map<string, string>();
  for (const parameter of parameters.filter((part) => part !== "")) {
    const equals = parameter.indexOf("=");
    const tag = parameter.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    // The same twice is malformed: who reads the first, and who the last?
    if (equals === -1 || values.has(tag)) return false;
    values.set(tag, parameter.slice(equals + 1).trim());
  }
  if (values.get("accounturi") !== wanted.accountUrl) return false;
  if (wanted.isWildcard && values.get("policy")?.toLowerCase() !== "wildcard") return false;
  const until = values.get("persistuntil");
  return until === undefined || (/^[0-9]{1,12}$/.test(until) && Number(until) > wanted.nowSeconds);
}

function plain(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
