import type { Path } from "./faults.ts";
import { fileJsonSchema } from "./file-schema.ts";
import { closest, nearest } from "./nearest.ts";

/** So many keys still fit in a line. */
const LISTED_MAX = 16;
/** Where else a key may stand: the first so many, the highest first. */
const PLACES_MAX = 3;
/** What is there without a key. */
const KEYLESS: Readonly<Record<string, string>> = {
  metrics: "they need none: GET /metrics on the admin socket (`listen.admin`) tells them",
};
/** What stands for the keys of a table, such as the hosts. */
const STANDS_FOR: Readonly<Record<string, string>> = { hosts: "HOST", paths: "PREFIX" };
/** Names of hosts have a dot or are a wildcard; no key of ours is. */
const HOST = /^(?:\*|[^\s:/]+\.[^\s:/]+)$/;

/**
 * What is told of a key that the mapping at `path` does not know: always the nearest known one, and where
 * that one is not meant, what may help instead.
 */
export function unknownKey(key: string, path: Path, known: readonly string[]): string {
  const near = nearest(key, known);
  const certain = certainly(key, path);
  if (near === undefined) {
    const help = certain ?? perhaps(key, path, known);
    return `is not a known key: ${help} (nearest, though not like it, is "${closest(key, known)}")`;
  }
  const fault = `is not a known key, nearest is "${near}"`;
  return certain === undefined ? fault : `${fault}; ${certain}`;
}

/** What a key is for certain, whatever is near it. */
function certainly(key: string, path: Path): string | undefined {
  if (Object.hasOwn(KEYLESS, key)) return KEYLESS[key];
  const isHost = path.length === 0 && HOST.test(key);
  return isHost ? "a host belongs to `hosts`: indent it below that key" : undefined;
}

/** Where a key that nothing here is like belongs, or which there are. */
function perhaps(key: string, path: Path, known: readonly string[]): string {
  const places = isBroad(path) ? placesOf(key) : [];
  if (places.length > 0) return `this one belongs to ${places.join(" or ")}`;
  if (known.length <= LISTED_MAX) return `known here are ${known.join(", ")}`;
  return "config/reference.yaml shows all";
}

/** The file or a host, whose keys are put a level too high or too low; elsewhere a key of the same name is another thing. */
function isBroad(path: Path): boolean {
  return path.length === 0 || (path.length === 2 && path[0] === "hosts");
}

/** Where in the file a key of this name is known. Paths have nearly all that hosts have: those are not told twice. */
function placesOf(key: string): readonly string[] {
  index ??= indexOf(fileJsonSchema());
  const places = [...new Set(index.get(key) ?? [])];
  const higher = places.filter((place) => !place.includes(".PREFIX."));
  const told = higher.length > 0 ? higher : places;
  const depth = (place: string) => place.split(".").length;
  return told.sort((one, other) => depth(one) - depth(other)).slice(0, PLACES_MAX);
}

/** Made with the first fault that needs it: the schema takes milliseconds, and a file may have thousands of faults. */
let index: ReadonlyMap<string, readonly string[]> | undefined;

function indexOf(schema: object): ReadonlyMap<string, readonly string[]> {
  const places = new Map<string, string[]>();
  walk(schema, [], (name, place) => {
    const known = places.get(name);
    if (known === undefined) places.set(name, [place]);
    else known.push(place);
  });
  return places;
}

/** Walks a JSON Schema: mappings have `properties`, tables `additionalProperties`, the rest are forms and items. */
function walk(
  schema: unknown,
  path: readonly string[],
  visit: (name: string, place: string) => void,
): void {
  if (typeof schema !== "object" || schema === null) return;
  for (const [word, below] of Object.entries(schema)) {
    switch (Array.isArray(schema) ? "items" : word) {
      case "anyOf":
      case "items":
        walk(below, path, visit);
        break;
      case "additionalProperties":
        walk(below, [...path, STANDS_FOR[path.at(-1) ?? ""] ?? "NAME"], visit);
        break;
      case "properties":
        walkProperties(below, path, visit);
        break;
    }
  }
}

function walkProperties(
  properties: object,
  path: readonly string[],
  visit: (name: string, place: string) => void,
): void {
  for (const [name, value] of Object.entries(properties)) {
    visit(name, [...path, name].join("."));
    walk(value, [...path, name], visit);
  }
}
