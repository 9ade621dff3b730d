import { readFileSync } from "node:fs";

/** The version of this program, from its package.json. Read once, at the first need. */
export function programVersion(): string {
  known ??= versionIn(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return known;
}

let known: string | undefined;

function versionIn(text: string): string {
  const { version } = JSON.parse(text);
  return String(version);
}
