import { access, constants, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { codeOf } from "./errors.ts";

/** Why a program cannot be started, by the code that starting it would fail with. */
export const WHY_NOT_STARTED: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program",
  EACCES: "it may not be executed",
};

/**
 * Why `program` could not be started now, as a path or as it is found on the PATH; `undefined` when it could.
 * The way of execvp: what may not be executed in one folder may be in the next.
 */
export async function whyNotStarted(program: string): Promise<string | undefined> {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((each) => each !== "");
  const places = program.includes("/") ? [program] : folders.map((folder) => join(folder, program));
  let code = "ENOENT";
  for (const place of places) {
    const failure = await failureAt(place);
    if (failure === undefined) return undefined;
    if (failure === "EACCES") code = failure;
  }
  return WHY_NOT_STARTED[code];
}

async function failureAt(place: string): Promise<string | undefined> {
  try {
    await access(place, constants.X_OK);
    return (await stat(place)).isFile() ? undefined : "EACCES"; // a folder may be "executed"
  } catch (error) {
    return codeOf(error) ?? "ENOENT";
  }
}
