import { createHash, hkdfSync } from "node:crypto";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";

/** What keeps the sessions of one host apart from those of every other. */
export interface SessionScope {
  /** The 48 bytes of Node's `ticketKeys`: key name, HMAC key, AES key. */
  readonly ticketKeys: Buffer;
  /** OpenSSL's session id context: a session of another one is not resumed. 32 characters, its limit. */
  readonly sessionIdContext: string;
}

const TICKET_KEYS_BYTES = 48;
/** SSL_MAX_SID_CTX_LENGTH of OpenSSL. */
const SESSION_ID_CONTEXT_MAX_BYTES = 32;

/**
 * The session scope of `host` under `route`. The same in every worker that was given the same
 * master, so that a session made by one is resumed by the others; different for every host, so that
 * a session of one host never gets in at another (the class of CVE-2025-23419).
 *
 * @param master 32 random bytes, changed every `limits.ticketRotationMs` by the manager.
 */
export function sessionScope(master: Uint8Array, route: Host, host: UriHost): SessionScope {
  // Neither part can hold a space, so no two pairs make the same text.
  const scope = `${formatPattern(route.pattern)} ${host}`;
  const keys = hkdfSync("sha256", master, "latchkey session tickets", scope, TICKET_KEYS_BYTES);
  const digest = createHash("sha256").update(scope).digest("base64url");
  return {
    ticketKeys: Buffer.from(keys),
    sessionIdContext: digest.slice(0, SESSION_ID_CONTEXT_MAX_BYTES),
  };
}
