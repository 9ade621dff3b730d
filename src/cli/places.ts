import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import type { Objection } from "./configuration.ts";

/** Its folder must be there, unless it is the storage, which is made at the start. */
export async function objectionsToAdmin({
  listen,
  storage,
}: Config): Promise<readonly Objection[]> {
  const folder = dirname(listen.admin);
  const why = folder === storage ? undefined : await whyNotMadeIn(folder);
  const message = `cannot be opened as ${listen.admin}: ${why}, wanted a folder that this user may write into`;
  return why === undefined ? [] : [{ path: ["listen", "admin"], message }];
}

/**
 * What opening the file would meet; it is not made here.
 *
 * @param tell Hears what may be meant.
 */
export async function objectionsToAccessLog(
  { log }: Config,
  tell: (message: string) => void,
): Promise<readonly Objection[]> {
  if (typeof log.access === "string") return [];
  const { path } = log.access;
  const why = await whyNotAppended(path);
  if (why === undefined && (await isPipe(path)))
    tell(`${path} is a pipe: the access log can be opened only while somebody reads from it`);
  const message = `cannot append to ${path}: ${why}, wanted a file in a folder that this user may write into`;
  return why === undefined ? [] : [{ path: ["log", "access"], message }];
}

async function isPipe(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFIFO(),
    () => false,
  );
}

async function whyNotAppended(path: string): Promise<string | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return "it is a folder";
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? await whyNotMadeIn(dirname(path)) : messageOf(error);
  }
}

async function whyNotMadeIn(folder: string): Promise<string | undefined> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return codeOf(error) === "ENOENT" ? `there is no folder ${folder}` : messageOf(error);
  }
}
