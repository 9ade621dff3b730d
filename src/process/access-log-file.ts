import { constants, openSync } from "node:fs";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";

/** A pipe that nobody reads would be waited for, with signals unheard, until somebody does (fifo(7)). */
const APPENDED = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * A descriptor of the file that the configuration names for access lines, to append to; `undefined` without one.
 *
 * @throws {LatchkeyError} `ACCESS_LOG_UNUSABLE`.
 */
export function openAccessLog(config: Pick<Config, "log">): number | undefined {
  if (typeof config.log.access === "string") return undefined;
  const { path } = config.log.access;
  try {
    return openSync(path, APPENDED, 0o600);
  } catch (cause) {
    throw new LatchkeyError(
      "ACCESS_LOG_UNUSABLE",
      `Cannot open the access log ${path}: ${codeOf(cause) === "ENXIO" ? UNREAD : messageOf(cause)}`,
      {},
      { cause },
    );
  }
}

const UNREAD = "it is a pipe that nobody reads, or a socket";
