import type { ChallengeType } from "./orders.ts";

/** Where the authority pretends to be; nothing listens there, and `.internal` never resolves in public. */
const ORIGIN = "https://authority.latchkey.internal";

/** Everything that has a URL here. */
export type Resource =
  | { readonly kind: "directory" }
  | { readonly kind: "new-nonce" }
  | { readonly kind: "new-account" }
  | { readonly kind: "new-order" }
  /** `key`: the account's public key, see `AccountKey.segment`. */
  | { readonly kind: "account"; readonly key: string }
  | { readonly kind: "order"; readonly order: string }
  | { readonly kind: "finalize"; readonly order: string }
  | { readonly kind: "certificate"; readonly order: string }
  /** `index`: which identifier of the order. */
  | { readonly kind: "authorization"; readonly order: string; readonly index: number }
  | {
      readonly kind: "challenge";
      readonly order: string;
      readonly index: number;
      readonly type: ChallengeType;
    }
  | { readonly kind: "renewal-info"; readonly certId: string };

/** The URL of a resource. */
export function urlOf(resource: Resource): string {
  return `${ORIGIN}/${pathOf(resource).join("/")}`;
}

/** Is it a URL of this authority, whether or not something has it? */
export function isOwnUrl(url: string): boolean {
  return url.startsWith(`${ORIGIN}/`);
}

/** The resource of a URL that {@link urlOf} made; `undefined` for every other URL. */
export function resourceOf(url: string): Resource | undefined {
  if (!isOwnUrl(url)) return undefined;
  const resource = readPath(url.slice(ORIGIN.length + 1).split("/"));
  // One spelling for each resource: the round trip refuses leading zeros, queries, empty segments.
  return resource !== undefined && urlOf(resource) === url ? resource : undefined;
}

function pathOf(resource: Resource): readonly (string | number)[] {
  switch (resource.kind) {
    case "account":
      return [resource.kind, resource.key];
    case "order":
    case "finalize":
    case "certificate":
      return [resource.kind, resource.order];
    case "authorization":
      return [resource.kind, resource.order, resource.index];
    case "challenge":
      return [resource.kind, resource.order, resource.index, resource.type];
    case "renewal-info":
      return [resource.kind, resource.certId];
    default:
      return [resource.kind];
  }
}

function readPath([kind, first, second, third]: readonly string[]): Resource | undefined {
  switch (kind) {
    case "directory":
    case "new-nonce":
    case "new-account":
    case "new-order":
      return { kind };
    case "account":
      return first ? { kind, key: first } : undefined;
    case "order":
    case "finalize":
    case "certificate":
      return first ? { kind, order: first } : undefined;
    case "authorization":
      return first ? { kind, order: first, index: Number(second) } : undefined;
    case "challenge":
      if (third !== "http-01" && third !== "tls-alpn-01") return undefined;
      return first ? { kind, order: first, index: Number(second), type: third } : undefined;
    case "renewal-info":
      return first ? { kind, certId: first } : undefined;
    default:
      return undefined;
  }
}
