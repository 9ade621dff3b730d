import { isPlainPath } from "../base/uri-path.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** RFC 3986 §3.3; queries and fragments take no part in routing. */
const PREFIX = /^\/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$/;

/** The path of a file or folder, as written. */
export function readPath(text: string): Reading<string> {
  if (/^~(\/|$)/.test(text)) return wrong("begins with ~, which only shells know, wanted the path");
  return text !== "" && !text.includes("\0")
    ? read(text)
    : wrong("is not a path, wanted one such as ../storage");
}

/** Files to include: a path, with `*` in its last part alone. */
export function readInclude(text: string): Reading<string> {
  const path = readPath(text);
  if (!path.ok) return path;
  return /\*.*\//.test(text)
    ? wrong("has a * in a folder, wanted it in the name of the files, such as sites/*.yaml")
    : path;
}

/** `off`, `on`, or a path, which is known by its `/` or `.` so that a misspelt word makes no file. */
export function readAccess(text: string): Reading<"off" | "on" | { readonly path: string }> {
  if (text === "off" || text === "on") return read(text);
  const path = readPath(text);
  if (/[/.]/.test(text)) return path.ok ? read({ path: text }) : path;
  return wrong("is not known, wanted off, on, or a path with a / or . in it such as access.log");
}

/** The URL of an ACME directory: https, as RFC 8555 §6.1 demands. */
export function readDirectoryUrl(text: string): Reading<string> {
  return readUrl(text, ["https:"], "wanted one such as https://ca.example/directory");
}

/** The URL that `onDemand.ask` puts its question to. */
export function readAskUrl(text: string): Reading<string> {
  return readUrl(text, ["http:", "https:"], "wanted one such as http://127.0.0.1:3000/allowed");
}

/** The URL of the API of a DNS provider. */
export function readApiUrl(text: string): Reading<string> {
  return readUrl(text, ["http:", "https:"], "wanted one such as https://auth.shop.example");
}

/** The URL that alerts are posted to. */
export function readWebhookUrl(text: string): Reading<string> {
  return readUrl(text, ["http:", "https:"], "wanted one such as https://alerts.shop.example/hook");
}

/** A program, as a path or as it is found on the PATH. */
export function readProgram(text: string): Reading<string> {
  return text.trim() !== "" && !text.includes("\0")
    ? read(text)
    : wrong("is no program, wanted one such as /usr/local/bin/page");
}

/** An argument of a program: anything, as the system calls it. */
export function readArgument(text: string): Reading<string> {
  return text.includes("\0") ? wrong("holds a NUL, wanted text without") : read(text);
}

/** `unix:admin.sock` → the path, as written. */
export function readAdminAddress(text: string): Reading<string> {
  const path = /^unix:(.+)$/.exec(text)?.[1];
  return path !== undefined && readPath(path).ok
    ? read(path)
    : wrong("is not a Unix socket, wanted one such as unix:admin.sock");
}

/** A path prefix of `paths`, or what stands in its place: spelt as requests are compared with it, in one way only. */
export function readPrefix(text: string): Reading<string> {
  if (!PREFIX.test(text)) return wrong("is not a path prefix, wanted one such as /v2/");
  return isPlainPath(text)
    ? read(text)
    : wrong(
        "is not a path prefix that has one reading, wanted it without . and .. segments, //, ; and needless or lower-case %-encoding",
      );
}

/** What a look at a backend asks for: a path, and a query if it takes one. */
export function readLookTarget(text: string): Reading<string> {
  const [path = "", ...query] = text.split("?");
  return readPrefix(path).ok && query.every((part) => PREFIX.test(`/${part}`))
    ? read(text)
    : wrong("is not a path, wanted one such as /healthz");
}

function readUrl(text: string, schemes: readonly string[], wanted: string): Reading<string> {
  const url = URL.parse(text);
  if (url === null || !schemes.includes(url.protocol) || /\s/.test(text)) {
    return wrong(`is not such a URL, ${wanted}`);
  }
  if (url.username !== "" || url.password !== "") {
    return wrong("holds a user name or password, wanted none: remove it");
  }
  return url.hash === "" ? read(url.href) : wrong(`holds a fragment, ${wanted}`);
}
