import { METHODS } from "../base/node-http.ts";
import { isCertifiedField } from "./identity-fields.ts";
import { limits } from "./limits.ts";
import { suggestion } from "./nearest.ts";
import { formatDuration, readDuration } from "./quantities.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { readHeaderName, readHeaderValue } from "./respond-header.ts";
import type { HeaderMatch } from "./rules.ts";

/** Fields that Latchkey writes itself, by what it knows of the connection. */
const OURS: Readonly<Record<"request" | "response", readonly string[]>> = {
  request: [
    ...["host", "expect", "forwarded", "proxy", "x-request-id", "x-real-ip", "x-forwarded-for"],
    ...["x-forwarded-proto", "x-forwarded-host", "sec-websocket-key", "cdn-loop"],
  ],
  response: ["date", "sec-websocket-accept"],
};

/** The name of a field that rules for this direction may touch. */
export function readRuleName(direction: "request" | "response", name: string): Reading<string> {
  const reading = readHeaderName(name);
  if (!reading.ok) return reading;
  const lowerName = name.toLowerCase();
  const isOurs = direction === "request" && isCertifiedField(lowerName);
  return isOurs || OURS[direction].includes(lowerName)
    ? wrong("is set by Latchkey itself, which is not for a configuration to change: remove it")
    : reading;
}

/** The name of a field that a request is matched by, as it is written. */
export function readMatchName(name: string): Reading<string> {
  const reading = readRuleName("request", name);
  if (!reading.ok) return reading;
  return /[_.]/.test(name) || /^x-forwarded-/i.test(name)
    ? wrong("never comes in: such names are dropped, wanted another one")
    : reading;
}

/** `yes` is the whole value, `v2*` how it begins, `*` any. */
export function readMatchValue(value: string): Reading<Omit<HeaderMatch, "name">> {
  const isPrefix = value.endsWith("*");
  const fixed = isPrefix ? value.slice(0, -1) : value;
  if (fixed === "" && isPrefix) return read({ value: "", isPrefix });
  const reading = readHeaderValue(value);
  return reading.ok ? read({ value: fixed, isPrefix }) : reading;
}

/** A method that is let in. */
export function readMethod(method: string): Reading<string> {
  if (method === "CONNECT" || method === "TRACE") return wrong("is never let in, remove it");
  return METHODS.includes(method)
    ? read(method)
    : wrong(`is not a method, wanted one such as POST${suggestion(method, METHODS)}`);
}

/** What is said before anybody knows which path it is for; 400 and 501 may be said later as well. */
const GATE_STATUSES: readonly string[] = ["405", "414", "417", "421", "431"];
/** Every status of an error that we answer with ourselves. */
const OWN_STATUSES: readonly string[] = [
  ...GATE_STATUSES,
  ...["400", "401", "403", "408", "413", "429", "501", "502", "503", "504"],
].sort();

/** `502`, or `5xx` for all that begin so. */
export function readStatusClass(text: string): Reading<string> {
  if (text === "4xx" || text === "5xx" || OWN_STATUSES.includes(text)) return read(text);
  if (!/^[45]\d\d$/.test(text))
    return wrong("is not the status of an error, wanted one such as 502, or 4xx or 5xx");
  return wrong(
    `is no answer of Latchkey's own (a backend's stay as they are), wanted one of ${OWN_STATUSES.join(", ")}, or 4xx or 5xx`,
  );
}

/** Why a path cannot have a page for this status. */
export function whyNotOfPath(status: string): string | undefined {
  return GATE_STATUSES.includes(status)
    ? "is said before its path is known, wanted it in `errors` of the host"
    : undefined;
}

/** For how long browsers use https only; `off`: nothing is said. */
export function readHsts(text: string): Reading<number | undefined> {
  if (text === "off") return read(undefined);
  return readDuration(text, 0, limits.hstsMaxMs);
}

/** What the preload list wants to see. */
export function whyNotPreloaded(maxAgeMs: number, includesSubDomains: boolean): string | undefined {
  if (!includesSubDomains) return "needs `includeSubDomains: on` beside it";
  return maxAgeMs < limits.hstsPreloadMinMs
    ? `needs a maxAge of at least ${formatDuration(limits.hstsPreloadMinMs)} beside it`
    : undefined;
}
