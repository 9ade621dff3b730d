import { spawnSync } from "node:child_process";

/**
 * For `{ skip: without("curl") }`: false when all the programs are on the PATH, else the reason why a
 * test that has one of them as a judge is left out.
 */
export function without(...programs: readonly string[]): string | false {
  const missing = programs.filter(
    (program) =>
      spawnSync("sh", ["-c", `PATH="$PATH:/usr/sbin" command -v ${program}`]).status !== 0,
  );
  return missing.length > 0 && `not installed: ${missing.join(", ")}`;
}
