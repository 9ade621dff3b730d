import { isUnder } from "../base/hostname.ts";
import type { Issuer } from "./config.ts";

/** Directory URLs of Let's Encrypt (letsencrypt.org/docs/acme-protocol-updates). */
export const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory";
export const letsEncryptStaging = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** The suffixes that the internal authority certifies without being told (RFC 6761, RFC 8375, ICANN's `internal`). */
export const internalSuffixes: readonly string[] = ["localhost", "internal", "test", "home.arpa"];

/** Suffixes that belong to nobody, so that no public CA certifies names under them (RFC 6761, 6762, 7686). */
const UNCERTIFIABLE: readonly string[] = [...internalSuffixes, "local", "invalid", "onion"];

export type IssuerName = "letsencrypt" | "letsencrypt-staging" | "internal";

/** The issuer that a name in `acme.issuers` or `issuer` stands for. */
export function namedIssuer(name: IssuerName): Issuer {
  if (name === "internal") return { kind: "internal" };
  const directory = name === "letsencrypt" ? letsEncrypt : letsEncryptStaging;
  return { kind: "acme", directory, trust: undefined, profile: undefined };
}

/** The issuer as the file spells it: its name if it has one, else the URL of its directory. */
export function nameOf(issuer: Issuer): string {
  if (issuer.kind === "internal") return "internal";
  if (issuer.directory === letsEncrypt) return "letsencrypt";
  if (issuer.directory === letsEncryptStaging) return "letsencrypt-staging";
  return issuer.directory;
}

/** Does the name use the internal authority unless something else is written? */
export function isInternalName(name: string): boolean {
  return internalSuffixes.some((suffix) => isUnder(name, suffix));
}

/**
 * Why this issuer will never certify `name`, and what to do; `undefined` if it may. Only what is
 * certain beforehand: a CA reached by its own directory URL may be a private one and is not judged.
 */
export function refusalOf(
  issuer: Issuer,
  name: string,
  permit: readonly string[],
): string | undefined {
  if (issuer.kind === "internal") {
    if (isInternalName(name) || permit.some((suffix) => isUnder(name, suffix))) return undefined;
    return `the internal authority does not certify "${name}", add it (or a suffix of it) to authority.permit`;
  }
  const isPublic = issuer.directory === letsEncrypt || issuer.directory === letsEncryptStaging;
  if (!isPublic || isPubliclyCertifiable(name)) return undefined;
  const remedy = isInternalName(name)
    ? "set `issuer: internal` on this host"
    : "set `issuer: internal` on this host and add it to authority.permit";
  return `no public authority certifies "${name}", ${remedy}`;
}

function isPubliclyCertifiable(name: string): boolean {
  return name.includes(".") && !UNCERTIFIABLE.some((suffix) => isUnder(name, suffix));
}
