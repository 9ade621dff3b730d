import { isIP } from "node:net";
import { type Hostname, parsePlain } from "../base/hostname.ts";
import { type Fault, fault } from "./fields.ts";

/** A host name, or an address literal (RFC 3986 §3.2.2), and a port: nothing else may stand there. */
const AUTHORITY = /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?$/;
const PORT_MAX = 65_535;

/**
 * Is `authority` this very name, as written, with or without a port? True for nearly every request,
 * and three times cheaper to find out than {@link hostOf}.
 */
export function isPlainly(authority: string, host: Hostname): boolean {
  if (authority === host) return true;
  if (!authority.startsWith(host)) return false;
  return authority[host.length] === ":" && isPort(authority, host.length + 1);
}

/** One to five digits from `start` to the end, no more than a port can be. */
function isPort(text: string, start: number): boolean {
  let port = 0;
  for (let at = start; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return start < text.length && text.length <= start + 5 && port <= PORT_MAX;
}

/**
 * The name that a Host field or the authority of an absolute target speaks of, without its port.
 *
 * @returns 421 for an IP address: well formed, but never the name of one of our certificates.
 */
export function hostOf(authority: string): Hostname | Fault {
  const match = AUTHORITY.exec(authority);
  if (match === null) return fault(400, "the host is not host[:port]");
  const [, name = "", port = "0"] = match;
  if (Number(port) > PORT_MAX) return fault(400, "the port of the host is out of range");
  const host = parsePlain(name);
  if (host !== undefined) return host;
  if (isIP(name.replace(/^\[|\]$/g, "")) !== 0) return fault(421, "the host is an IP address");
  return fault(400, "the host is not a name");
}
