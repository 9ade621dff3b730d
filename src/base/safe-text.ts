import type { Facts } from "./errors.ts";

/** A field of a stranger's making is cut here. */
const FIELD_MAX_CHARACTERS = 2_048;
/** What a terminal or a line reader does not leave as it is: C0, DEL, C1, line separators. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
const DEL = "\u007f";

/** Text of a stranger's making, as one may show it to people: cut, with what is unsafe as `\u001b`. */
export function safeText(text: string): string {
  const short =
    text.length > FIELD_MAX_CHARACTERS ? `${text.slice(0, FIELD_MAX_CHARACTERS)}…` : text;
  return short.replace(UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** JSON of `facts`, in which each text is {@link safeText}. */
export function safeJson(facts: Facts): string {
  const json = JSON.stringify(facts);
  return isPlain(json) ? json : JSON.stringify(safeFacts(facts));
}

/**
 * Nearly all is: ASCII without an escape and too short for any text in it to be too long. To look once at the whole of it
 * costs less than to look at each text (`npm run bench:micro -- log`).
 */
function isPlain(json: string): boolean {
  return (
    json.length <= FIELD_MAX_CHARACTERS &&
    !json.includes("\\") &&
    !json.includes(DEL) &&
    Buffer.byteLength(json) === json.length
  );
}

function safeFacts(facts: Facts): Facts {
  const safe = Object.entries(facts).map(([name, value]) => {
    return [name, typeof value === "string" ? safeText(value) : value];
  });
  return Object.fromEntries(safe);
}
