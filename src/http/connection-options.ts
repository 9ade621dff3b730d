import { type Fault, fault, tokenEnd } from "./fields.ts";

/** What the Connection fields of a message say (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Other fields they name, in lower case: those go no further. */
  readonly named: readonly string[];
}

/** Nothing said. */
export const NO_OPTIONS: ConnectionOptions = {
  close: false,
  keepAlive: false,
  upgrade: false,
  named: [],
};
const KEEP_ALIVE: ConnectionOptions = { ...NO_OPTIONS, keepAlive: true };
const CLOSE: ConnectionOptions = { ...NO_OPTIONS, close: true };

/**
 * What Connection may not take away: the fields that say whose the message is and how long, and all
 * that we tell the backend about the client (Traefik CVE-2024-45410).
 */
const PROTECTED =
  /^(?:host|content-length|transfer-encoding|forwarded|x-forwarded-.*|x-real-ip|x-request-id)$/;

/** Reads the value of all Connection fields of a message, joined with commas. */
export function readConnection(value: string): ConnectionOptions | Fault {
  const text = value.toLowerCase();
  if (text === "keep-alive") return KEEP_ALIVE;
  if (text === "close") return CLOSE;
  const named: string[] = [];
  const options = { close: false, keepAlive: false, upgrade: false, named };
  for (const part of text.split(",")) {
    const option = part.trim();
    if (tokenEnd(option, 0) !== option.length)
      return fault(400, "Connection is not a list of tokens");
    if (option === "close") options.close = true;
    else if (option === "keep-alive") options.keepAlive = true;
    else if (option === "upgrade") options.upgrade = true;
    else if (option !== "") named.push(option);
  }
  if (named.some((name) => PROTECTED.test(name)))
    return fault(400, "Connection names a field that is not its sender's to remove");
  return options;
}
