import { X509Certificate } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { codeOf } from "../base/errors.ts";
import { stampOfFileSync } from "../base/file-stamp.ts";
import { limits } from "./limits.ts";
import { formatSize } from "./quantities.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** The files that a configuration names. Paths are absolute; reading is synchronous, as at a start. */
export interface Files {
  /** The whole text of a file of at most `limits.pemMaxBytes`, or `maxBytes`. */
  read(path: string, maxBytes?: number): Reading<string>;
  /** The path, if there is such a file that this user may read. */
  probe(path: string): Reading<string>;
  /** What a path leads to whose last part may hold `*`, which stands for anything but a leading dot; in the order of names. */
  match(pattern: string): Reading<readonly string[]>;
  /** See {@link stampOfFileSync}. */
  stamp(path: string): string;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The files of this machine. */
export const diskFiles: Files = {
  read: (path, maxBytes = limits.pemMaxBytes) =>
    attempt(path, maxBytes, () => readFileSync(path, "utf8")),
  probe: (path) => attempt(path, limits.pemMaxBytes, () => path),
  match: matching,
  stamp: stampOfFileSync,
};

/** Would the pattern lead to a file at `path`? Both absolute. */
export function leadsTo(pattern: string, path: string): boolean {
  return dirname(pattern) === dirname(path) && isNamed(basename(pattern))(basename(path));
}

function matching(pattern: string): Reading<readonly string[]> {
  const [folder, name] = [dirname(pattern), basename(pattern)];
  if (!name.includes("*")) return read([pattern]);
  try {
    const names = readdirSync(folder).filter(isNamed(name));
    return read(names.sort().map((each) => join(folder, each)));
  } catch (thrown) {
    const code = codeOf(thrown) ?? "unknown error";
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    const what = isMissing ? "does not exist" : `cannot be read (${code})`;
    return wrong(`leads into ${folder}, which ${what}, wanted a folder that is there`);
  }
}

/** Is a name of a file as the pattern of one says? Who hides a file does not mean it. Its time grows with the name alone. */
function isNamed(pattern: string): (name: string) => boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return (name) => name === pattern;
  return (name) => {
    let at = first.length;
    for (const part of others) {
      const found = name.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    const hasRoom = name.length - last.length >= at;
    return !name.startsWith(".") && hasRoom && name.startsWith(first) && name.endsWith(last);
  };
}

/** The PEM certificates of a file of roots, every one of which must be readable. */
export function readRoots(files: Files, path: string): Reading<string> {
  const text = files.read(path);
  if (!text.ok) return text;
  const blocks = text.value.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    return wrong("holds no certificate, wanted a PEM file with -----BEGIN CERTIFICATE-----");
  }
  const begun = text.value.split("-----BEGIN CERTIFICATE-----").length - 1;
  return begun === blocks.length && blocks.every(isCertificate)
    ? read(`${blocks.join("\n")}\n`)
    : wrong("holds a certificate that cannot be decoded, wanted PEM");
}

function attempt(path: string, maxBytes: number, use: () => string): Reading<string> {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return wrong("is not a file, wanted the path of one");
    if (facts.size > maxBytes)
      return wrong(`is larger than ${formatSize(maxBytes)}, wanted a smaller file`);
    closeSync(openSync(path, "r"));
    return read(use());
  } catch (thrown) {
    return wrong(whyUnreadable(codeOf(thrown)));
  }
}

function whyUnreadable(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist, wanted the path of a file (relative to this one)";
    case "EACCES":
    case "EPERM":
      return "may not be read by this user, wanted a file that may";
    default:
      return `cannot be read (${code ?? "unknown error"}), wanted the path of a file`;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).serialNumber !== "";
  } catch {
    return false;
  }
}
