import { sep } from "node:path";
import type { Config } from "./config.ts";
import { type Files, leadsTo } from "./files.ts";
import type { Desk } from "./surroundings.ts";

/** The files, and the paths of all that were asked for. */
export function notingFiles(files: Files): Files & { readonly named: ReadonlySet<string> } {
  const named = new Set<string>();
  const note = (path: string) => {
    named.add(path);
    return path;
  };
  return {
    named,
    read: (path, maxBytes) => files.read(note(path), maxBytes),
    probe: (path) => files.probe(note(path)),
    match: (pattern) => files.match(pattern),
    stamp: (path) => files.stamp(path),
  };
}

/** The access log is appended to whatever it names: it must be none of the files that mean something else. */
export function reportSharedLog(
  { file, include, storage, log }: Pick<Config, "file" | "include" | "storage" | "log">,
  named: ReadonlySet<string>,
  desk: Desk,
): void {
  if (typeof log.access === "string") return;
  const { path } = log.access;
  const isIncluded = include.some((pattern) => leadsTo(pattern, path));
  const what = isIncluded
    ? "a file that `include` leads to"
    : whatIs(path, { file, storage, named });
  if (what !== undefined)
    desk.report(["log", "access"], `is ${what}, wanted a file that is for nothing else`);
}

function whatIs(
  path: string,
  {
    file,
    storage,
    named,
  }: Pick<Config, "file" | "storage"> & { readonly named: ReadonlySet<string> },
): string | undefined {
  if (path === file) return "the configuration file";
  if (path === storage || path.startsWith(`${storage}${sep}`)) return "in the storage";
  return named.has(path) ? "a file that the configuration names for something else" : undefined;
}
