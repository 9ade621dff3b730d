import { limits } from "../config/limits.ts";

/** A name and a password as a client gives them, in Unicode's form NFC (RFC 7617 §2.1). */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** RFC 9110 §11.4: the scheme in any case, then token68, of which base64 is a part. */
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Reads the value of an Authorization field (RFC 7617 §2): base64 in its one spelling, UTF-8, a colon
 * behind the name, no control character. `undefined` for anything else, and for what is too long.
 */
export function readBasicCredentials(value: string): BasicCredentials | undefined {
  if (value.length > limits.basicCredentialsMaxCharacters) return undefined;
  const [, encoded] = BASIC.exec(value) ?? [];
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.toString("base64") !== encoded) return undefined;
  const text = decoded(bytes)?.normalize("NFC");
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon === -1 || CONTROL.test(text)) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function decoded(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
