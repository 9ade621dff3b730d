import { codeOf } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";

/**
 * A folder that cannot be written into now is no reason not to serve what it holds. Another program
 * that holds the lease is: one program writes into a storage at a time.
 */
export async function tolerateStorage(
  event: string,
  work: () => Promise<unknown>,
  log: Pick<Log, "error">,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (codeOf(error) !== "STORAGE_FAILED") throw error;
    log.error(event, failureFacts(error));
  }
}
