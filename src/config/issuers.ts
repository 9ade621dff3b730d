import { isReservedAddress } from "../base/address-range.ts";
import { isUnder } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { Host, Issuer } from "./config.ts";
import { readDirectoryUrl } from "./locations.ts";
import { suggestion } from "./nearest.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** Directory URLs of public CAs, by the name that the file calls them (each CA's own documentation). */
const DIRECTORIES = {
  letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
  "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
  zerossl: "https://acme.zerossl.com/v2/DV90",
  google: "https://dv.acme-v02.api.pki.goog/directory",
} as const;

type PublicName = keyof typeof DIRECTORIES;

const publicNames = Object.keys(DIRECTORIES) as readonly PublicName[]; // an object's keys are text to the compiler

/** Those that make no account without one of their website's (RFC 8555 §7.3.4). */
const WANT_BINDING: readonly string[] = ["zerossl", "google"];

/** What may stand for an issuer without a mapping. */
export type IssuerName = PublicName | "internal";
export const issuerNames: readonly IssuerName[] = [...publicNames, "internal"];

/** The suffixes that the internal authority certifies without being told (RFC 6761, RFC 8375, ICANN's `internal`). */
export const internalSuffixes: readonly string[] = ["localhost", "internal", "test", "home.arpa"];

/** Suffixes that belong to nobody, so that no public CA certifies names under them (RFC 6761, 6762, 7686). */
const UNCERTIFIABLE: readonly string[] = [...internalSuffixes, "local", "invalid", "onion"];

/** The issuer that a name in `acme.issuers` or `issuer` stands for. */
export function namedIssuer(name: IssuerName) {
  if (name === "internal") return { kind: "internal" } as const satisfies Issuer;
  return {
    kind: "acme",
    directory: DIRECTORIES[name],
    trust: undefined,
    eab: undefined,
    profile: undefined,
    preferredChain: undefined,
  } as const satisfies Issuer;
}

/** An issuer written as a name alone; a CA that wants more than its name says so. */
export function readIssuerName(text: string): Reading<IssuerName> {
  const name = issuerNames.find((candidate) => candidate === text);
  if (name === undefined) {
    const wanted = `wanted one of ${issuerNames.join(", ")}, or a mapping with \`directory\``;
    return wrong(`is not known, ${wanted}${suggestion(text, issuerNames)}`);
  }
  if (!WANT_BINDING.includes(name)) return read(name);
  const variable = name.toUpperCase();
  const form = `{ directory: ${name}, eab: { kid: env:${variable}_KID, hmac: env:${variable}_HMAC } }`;
  return wrong(`makes no account without a key of its website, wanted ${form}`);
}

/** `directory` of an issuer: a URL, or the name of a public CA. */
export function readDirectory(text: string): Reading<string> {
  const name = publicNames.find((candidate) => candidate === text);
  if (name !== undefined) return read(DIRECTORIES[name]);
  if (text === "internal") return wrong("has no directory, wanted `internal` without a mapping");
  if (/^[a-z-]+$/i.test(text)) {
    const wanted = `wanted a URL, or one of ${publicNames.join(", ")}`;
    return wrong(`is not known, ${wanted}${suggestion(text, publicNames)}`);
  }
  return readDirectoryUrl(text);
}

/** The issuer as the file spells it: its name if it has one, else the URL of its directory. */
export function nameOf(
  issuer: { readonly kind: "internal" } | { readonly kind: "acme"; readonly directory: string },
): string {
  if (issuer.kind === "internal") return "internal";
  return publicNames.find((name) => DIRECTORIES[name] === issuer.directory) ?? issuer.directory;
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
  if (isIpAddress(name)) return addressRefusal(issuer, name, permit);
  if (issuer.kind === "internal") {
    if (isInternalName(name) || permit.some((suffix) => isUnder(name, suffix))) return undefined;
    return `the internal authority does not certify "${name}", add it (or a suffix of it) to authority.permit`;
  }
  if (!isPublic(issuer) || isPubliclyCertifiable(name)) return undefined;
  const remedy = isInternalName(name)
    ? "set `issuer: internal` on this host"
    : "set `issuer: internal` on this host and add it to authority.permit";
  return `no public authority certifies "${name}", ${remedy}`;
}

function addressRefusal(
  issuer: Issuer,
  address: string,
  permit: readonly string[],
): string | undefined {
  if (issuer.kind === "internal") {
    if (permit.includes(address)) return undefined;
    return `the internal authority does not certify "${address}", add it to authority.permit`;
  }
  if (!isPublic(issuer) || !isReservedAddress(address)) return undefined;
  return `no public authority certifies "${address}", set \`issuer: internal\` on this host and add it to authority.permit`;
}

function isPublic({ directory }: Extract<Issuer, { kind: "acme" }>): boolean {
  return publicNames.some((known) => DIRECTORIES[known] === directory);
}

function isPubliclyCertifiable(name: string): boolean {
  return name.includes(".") && !UNCERTIFIABLE.some((suffix) => isUnder(name, suffix));
}

/** Does any host have its certificate from the internal authority? */
export function isAuthorityWanted(hosts: readonly Host[]): boolean {
  return hosts.some(
    ({ certificate }) =>
      certificate.kind === "acme" && certificate.issuers.some(({ kind }) => kind === "internal"),
  );
}
