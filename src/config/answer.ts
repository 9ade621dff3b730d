import type { Redirect, Respond } from "./destination.ts";
import type { Path } from "./faults.ts";
import { formatPattern } from "./host-pattern.ts";
import { type HostPlace, isOurs } from "./host-place.ts";
import type { WrittenHost, WrittenPath } from "./host-schema.ts";
import { limits } from "./limits.ts";
import type { RedirectTarget } from "./redirect-target.ts";
import { isBodiless } from "./respond-header.ts";
import { expectedHttpsPort } from "./settings.ts";
import type { Desk } from "./surroundings.ts";

/** What a host answers with when it redirects: to anywhere but to itself. */
export function readRedirect(
  target: RedirectTarget,
  status: WrittenHost["status"],
  place: HostPlace,
): Redirect {
  if (isThisHost(target, place) && !place.settings.faulty.has("listen"))
    place.desk.report([...place.path, "redirect"], "leads back to this host, wanted another");
  return redirectTo(target, status, place);
}

/** What a path answers with when it redirects: to anywhere but below itself. */
export function readPathRedirect(
  prefix: string,
  { redirect, status, stripPrefix, replacePrefix }: WrittenPath,
  place: HostPlace,
  path: Path,
): Redirect {
  const { host, ...target } = redirect ?? { host: undefined, port: undefined, path: undefined };
  const isHere = host === undefined || isThisHost({ host, ...target }, place);
  const isRewritten = stripPrefix === true || replacePrefix !== undefined;
  const rewritten = isRewritten ? (replacePrefix ?? "/") : prefix;
  if (isHere && (target.path ?? rewritten).startsWith(prefix))
    place.desk.report([...path, "redirect"], "leads back to this path, wanted another");
  if (target.path !== undefined && isRewritten) {
    const key = replacePrefix === undefined ? "stripPrefix" : "replacePrefix";
    place.desk.report([...path, key], "does not go with a redirect that has a path", "key");
  }
  return host === undefined
    ? { kind: "redirect", host, ...target, status: status ?? 308 }
    : redirectTo({ host, ...target }, status, place);
}

/** What a host or path at `path` answers with itself. */
export function readRespond(
  written: NonNullable<WrittenHost["respond"]>,
  path: Path,
  desk: Desk,
): Respond {
  const { status = 200, headers = {}, body = "" } = written;
  const names = Object.keys(headers);
  for (const [index, name] of names.entries()) {
    const isTwice = names
      .slice(0, index)
      .some((other) => other.toLowerCase() === name.toLowerCase());
    if (isTwice)
      desk.report([...path, "respond", "headers", name], "stands here twice, wanted once", "key");
  }
  if (isBodiless(status) && body !== "") {
    desk.report([...path, "respond", "body"], `does not go with status ${status}, remove it`);
  }
  if (Buffer.byteLength(body) > limits.respondBodyMaxBytes) {
    desk.report(
      [...path, "respond"],
      "has a body of more than 64KiB, wanted less: Latchkey serves no files",
    );
  }
  const hasType = body === "" || names.some((name) => name.toLowerCase() === "content-type");
  const type = hasType ? {} : { "Content-Type": "text/plain; charset=utf-8" };
  return { kind: "respond", status, headers: { ...type, ...headers }, body };
}

/** Does it lead to a name of this entry, at the port where clients reach us? */
function isThisHost({ host, port }: RedirectTarget, { patterns, settings }: HostPlace): boolean {
  const isItself = patterns.some((pattern) => formatPattern(pattern) === host);
  return isItself && [undefined, expectedHttpsPort(settings.listen)].includes(port);
}

function redirectTo(
  target: RedirectTarget,
  status: WrittenHost["status"],
  { known }: HostPlace,
): Redirect {
  const port = target.port ?? (isOurs(target.host, known) ? undefined : limits.httpsPort);
  return { kind: "redirect", host: target.host, port, path: target.path, status: status ?? 308 };
}
