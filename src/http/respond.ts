import type { Redirect, Respond } from "../config/config.ts";
import { formatOrigin } from "../config/redirect-target.ts";
import { tokenEnd, valueEnd } from "./fields.ts";
import type { OwnAnswer } from "./refuse.ts";

/**
 * Answers with a redirect: to the same path and query, unless the configuration names a path; to
 * `publicHttpsPort`, where clients reach us, unless it names a port.
 */
export function redirectAnswer(
  redirect: Redirect,
  target: string,
  publicHttpsPort: number,
): OwnAnswer {
  const origin = formatOrigin(redirect.host, redirect.port ?? publicHttpsPort);
  const path = redirect.path ?? (target === "*" ? "/" : target);
  return { status: redirect.status, lines: `Location: ${origin}${path}\r\n`, body: "" };
}

/** Fields of an answer that are ours to write, whatever the configuration says. */
const OURS = /^(?:connection|keep-alive|content-length|transfer-encoding|upgrade|date)$/i;

/** Answers with what the configuration says, as plain text unless it names another type. */
export function respondAnswer(respond: Respond): OwnAnswer {
  let lines = "";
  let hasType = false;
  for (const [name, value] of Object.entries(respond.headers)) {
    if (OURS.test(name) || !isField(name, value)) continue;
    if (name.toLowerCase() === "content-type") hasType = true;
    lines += `${name}: ${Buffer.from(value, "utf8").toString("latin1")}\r\n`;
  }
  if (!hasType && respond.body !== "") lines += "Content-Type: text/plain; charset=utf-8\r\n";
  return { status: respond.status, lines, body: respond.body };
}

/** Does the pair stay one field line, whatever a configuration was made from? */
function isField(name: string, value: string): boolean {
  return name !== "" && tokenEnd(name, 0) === name.length && valueEnd(value, 0) === value.length;
}
