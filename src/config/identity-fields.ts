import type { WrittenAuth } from "./auth-schema.ts";
import type { Path } from "./faults.ts";
import type { HostPlace } from "./host-place.ts";
import type { WrittenHost } from "./host-schema.ts";
import type { PathPlace } from "./path-entry.ts";
import type { WrittenRules } from "./rules-schema.ts";

/** The field that tells a backend who has given the right password: what clients send under it never goes on. */
export const BASIC_USER_FIELD = "X-Forwarded-User";
/** RFC 9440. */
const REGISTERED: readonly string[] = ["client-cert", "client-cert-chain"];

/**
 * Does this field say who a client has proven to be by its certificate? Such fields are taken off every request, on
 * every host. `lowerName`: in lower case.
 */
export function isCertifiedField(lowerName: string): boolean {
  return isCertifiedFamily(lowerName) || REGISTERED.includes(lowerName);
}

/** The same of names that are not registered. */
export function isCertifiedFamily(lowerName: string): boolean {
  return lowerName.startsWith("x-client-cert") || lowerName.startsWith("x-ssl-client-");
}

/**
 * What passwords or a service vouch for on one path of a host, backends believe on all. A request is matched as the
 * client sent it, so a `match` on such a field would believe the client; and a rule for one would stand beside what is vouched for.
 */
export function reportForged(
  written: WrittenHost,
  entries: readonly PathPlace[],
  { path, desk }: HostPlace,
): void {
  const vouched = new Set([written, ...entries.map((entry) => entry.written)].flatMap(vouchedBy));
  if (vouched.size === 0) return;
  for (const place of [{ written, path }, ...entries])
    for (const at of rulesAbout(place.written, vouched))
      desk.report(
        [...place.path, ...at],
        "says who a client is by `auth` of this host, which no rule may be about: remove it",
        "key",
      );
  for (const entry of entries)
    for (const name of Object.keys(entry.written.match?.headers ?? {}))
      if (vouched.has(name.toLowerCase()))
        desk.report(
          [...entry.path, "match", "headers", name],
          "says who a client is by `auth` of this host, and anybody can send it: wanted another one",
          "key",
        );
}

function vouchedBy({ auth }: { readonly auth?: WrittenAuth | undefined }): readonly string[] {
  if (auth === undefined || typeof auth === "boolean") return [];
  return [
    ...(auth.basic === undefined ? [] : [BASIC_USER_FIELD.toLowerCase()]),
    ...(auth.copyHeaders ?? []),
  ];
}

/** Where rules for requests name one of these fields. */
function rulesAbout(
  { headers }: Pick<WrittenRules, "headers">,
  names: ReadonlySet<string>,
): readonly Path[] {
  const { set = {}, add = {}, remove = [] } = headers?.request ?? {};
  const lines: readonly (readonly [Path, string])[] = [
    ...Object.keys(set).map((name) => [["set", name], name] as const),
    ...Object.keys(add).map((name) => [["add", name], name] as const),
    ...remove.map((name, index) => [["remove", index], name] as const),
  ];
  return lines
    .filter(([, name]) => names.has(name.toLowerCase()))
    .map(([at]) => ["headers", "request", ...at]);
}
