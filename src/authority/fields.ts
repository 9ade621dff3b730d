import { Refusal } from "./refusal.ts";

/** A JSON object of a client, its values not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Is it a JSON object (and not an array or null)? */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads JSON text that must be an object; `what` names it in the refusal.
 * @throws {Refusal} `malformed`.
 */
export function parseFields(text: string, what: string): Fields {
  const value = parseJson(text);
  if (!isFields(value)) throw new Refusal("malformed", `The ${what} is not a JSON object`);
  return value;
}

/**
 * A text that must be there; `what` names the object in the refusal.
 * @throws {Refusal} `malformed`.
 */
export function textField(fields: Fields, name: string, what: string): string {
  const value = fields[name];
  if (typeof value !== "string") {
    throw new Refusal("malformed", `"${name}" of the ${what} is missing or not a string`);
  }
  return value;
}

/**
 * Decodes base64url without padding (RFC 8555 §6.1: anything else must be rejected).
 * @throws {Refusal} `malformed`.
 */
export function decodeBase64Url(text: string, what: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  // Buffer skips over what it cannot decode; only canonical text comes back unchanged.
  if (bytes.toString("base64url") !== text) {
    throw new Refusal("malformed", `The ${what} is not base64url without padding`);
  }
  return bytes;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
