import { isIP } from "node:net";
import { parseHostname } from "../base/hostname.ts";
import type { Redirect } from "./destination.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** Where a `redirect` leads, before the port that clients see is known. */
export interface RedirectTarget {
  /** Normalised name, or an IP address without brackets. */
  readonly host: string;
  /** Undefined when none is written. */
  readonly port: number | undefined;
  /** With its query, starting with `/`; undefined: the request's own. */
  readonly path: string | undefined;
}

/** Host or [v6], port, path with query. */
const TARGET = /^(?:https:\/\/)?(?:\[([0-9A-Fa-f:.]+)\]|([^[\]:/?#@]+))(?::(\d{1,5}))?(\/.*)?$/i;
/** RFC 3986 §3.3 and §3.4: what may stand in a path and query; a fragment is not the server's. */
const PATH = /^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$/;
const FRAGMENT =
  "has a fragment, which browsers keep from what they asked for, wanted the URL without `#`";
const STATUSES = [301, 302, 303, 307, 308] as const;
const WANTED = "wanted host[:port][/path] or an https:// URL";

/** `store.shop.example`, `store.shop.example:8443/new`, `https://store.shop.example/new?x=1`. */
export function readRedirectTarget(text: string): Reading<RedirectTarget> {
  if (/^http:/i.test(text)) return wrong(`leads to plain HTTP, ${WANTED}`);
  const [, v6, name = "", digits, path] = TARGET.exec(text) ?? [];
  const host = v6 ?? (isIP(name) === 0 ? parseHostname(name) : name);
  if (host === undefined || (v6 !== undefined && isIP(v6) !== 6)) {
    return wrong(`is not a redirect target, ${WANTED}`);
  }
  const port = digits === undefined ? undefined : Number(digits);
  if (port === 0 || (port ?? 0) > limits.portMax)
    return wrong("has no valid port, wanted 1 to 65535");
  if (path?.includes("#") === true) return wrong(FRAGMENT);
  if (path !== undefined && !PATH.test(path)) {
    return wrong("has a path with characters that a URL cannot hold, wanted them %-encoded");
  }
  return read({ host, port, path });
}

/** Where a redirect below a path leads: also `/new`, on the same host. */
export function readPathRedirectTarget(
  text: string,
): Reading<Omit<RedirectTarget, "host"> & { readonly host: string | undefined }> {
  if (!text.startsWith("/")) return readRedirectTarget(text);
  if (text.includes("#")) return wrong(FRAGMENT);
  return PATH.test(text) && !text.startsWith("//")
    ? read({ host: undefined, port: undefined, path: text })
    : wrong(`is not a path, wanted one such as /new, or host[:port][/path]`);
}

/** The status of a redirect (RFC 9110 §15.4). */
export function readRedirectStatus(status: number): Reading<Redirect["status"]> {
  const known = STATUSES.find((candidate) => candidate === status);
  return known === undefined
    ? wrong(`is not the status of a redirect, wanted one of ${STATUSES.join(", ")}`)
    : read(known);
}

/** `https://host[:port]`, the port only when it is not that of https. */
export function formatOrigin(host: string, port: number): string {
  const name = isIP(host) === 6 ? `[${host}]` : host;
  return port === limits.httpsPort ? `https://${name}` : `https://${name}:${port}`;
}
