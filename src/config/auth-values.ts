import { type BackendAddress, readBackendAddress } from "./backend-address.ts";
import { isCertifiedField } from "./identity-fields.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { readHeaderName } from "./respond-header.ts";

/** A service that decides about requests, as written. */
export interface AuthService {
  readonly address: BackendAddress;
  /** Path and query of what is asked for. */
  readonly target: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f]/;
/** RFC 9110 §5.6.4, without what would have to be quoted in it. */
const REALM = /^[ !#-[\]-~]{1,128}$/;
/** Names that are ours, or that say whose request it is and how long. */
const NEVER_COPIED =
  /^(?:host|authorization|forwarded|x-forwarded-.*|x-real-ip|x-request-id|cdn-loop|expect|client-cert.*|sec-websocket-.*)$/i;

/** A name of `auth.basic`, in form NFC (RFC 7617 §2.1). */
export function readUser(text: string): Reading<string> {
  const isName = text !== "" && text.trim() === text && !CONTROL.test(text);
  if (!isName || text.length > limits.userMaxCharacters)
    return wrong("is no user name, wanted one such as ops");
  return text.includes(":")
    ? wrong("holds a colon, which ends a user name (RFC 7617 §2)")
    : read(text.normalize("NFC"));
}

export function readRealm(text: string): Reading<string> {
  return REALM.test(text) ? read(text) : wrong('is no realm, wanted ASCII without " and \\');
}

/** `http://127.0.0.1:9091/verify?x` → the address, and the target to ask it for. */
export function readAuthService(text: string): Reading<AuthService> {
  const [, origin = "", target = ""] = /^(https?:\/\/[^/?#]+)(.*)$/i.exec(text) ?? [];
  if (origin === "" || !/^(?:[/?][!-~]*)?$/.test(target) || /[#\\]/.test(target))
    return wrong("is not such a URL, wanted one such as http://127.0.0.1:9091/verify");
  const address = readBackendAddress(origin);
  if (!address.ok) return address;
  return read({ address: address.value, target: target.startsWith("/") ? target : `/${target}` });
}

/** A field that the service may add to a request: none that is ours to write. */
export function readCopiedHeader(name: string): Reading<string> {
  const header = readHeaderName(name);
  if (!header.ok) return header;
  if (/[_.]/.test(name)) return wrong("holds _ or ., which no backend can tell from -");
  return NEVER_COPIED.test(name) || isCertifiedField(name.toLowerCase())
    ? wrong("is a field that Latchkey writes itself, remove it")
    : read(name.toLowerCase());
}
