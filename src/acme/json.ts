/** A JSON object as it came: every member is still to be looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The value that `text` spells, or `undefined` when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Is it a JSON object, and not an array or a null? */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
