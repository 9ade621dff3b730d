import type { UriHost } from "../base/uri-host.ts";
import type { PathRoute, Redirect, Respond } from "../config/destination.ts";
import { formatOrigin } from "../config/redirect-target.ts";
import type { Admitted } from "./admit.ts";
import { tokenEnd, valueEnd } from "./fields.ts";
import { onwardTarget } from "./path-route.ts";
import type { OwnAnswer } from "./refuse.ts";
import type { Place } from "./surroundings.ts";

/** The answer of a place that has one of its own. */
export function answerAt(
  place: Exclude<Place, PathRoute>,
  { host, target }: Admitted,
  publicHttpsPort: number,
): OwnAnswer {
  if (!("kind" in place))
    return answerWith(place.answer, { host, target: onwardTarget(place, target) }, publicHttpsPort);
  return answerWith(place, { host, target }, publicHttpsPort);
}

function answerWith(
  action: Redirect | Respond,
  asked: { readonly host: UriHost; readonly target: string },
  publicHttpsPort: number,
): OwnAnswer {
  return action.kind === "respond"
    ? respondAnswer(action)
    : redirectAnswer(action, asked, publicHttpsPort);
}

/**
 * Answers with a redirect: on the same host unless the configuration names one; to the same path and query, unless the configuration names a path; to
 * `publicHttpsPort`, where clients reach us, unless it names a port.
 */
function redirectAnswer(
  redirect: Redirect,
  { host, target }: { readonly host: UriHost; readonly target: string },
  publicHttpsPort: number,
): OwnAnswer {
  const origin = formatOrigin(redirect.host ?? host, redirect.port ?? publicHttpsPort);
  const path = redirect.path ?? (target === "*" ? "/" : target);
  return { status: redirect.status, lines: `Location: ${origin}${path}\r\n`, body: "" };
}

/** Fields of an answer that are ours to write, whatever the configuration says. */
const OURS = /^(?:connection|keep-alive|content-length|transfer-encoding|upgrade|date)$/i;

/** Answers with what the configuration says, as plain text unless it names another type. */
function respondAnswer(respond: Respond): OwnAnswer {
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
