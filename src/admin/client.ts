import { request } from "node:http";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import type { Snapshot } from "./snapshot.ts";

/** The program answers from memory; longer than this it hangs. */
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Asks the running program over its admin socket.
 *
 * @throws {LatchkeyError} `NOT_RUNNING` when nothing listens there; `PROCESS_UNREACHABLE` when what
 *   listens gives no proper answer in time.
 */
export async function askStatus(path: string): Promise<Snapshot> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({
    socketPath: path,
    path: "/status",
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  sent.on("error", reject);
  sent.on("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  });
  sent.on("close", () => reject(new Error("it gave no answer")));
  sent.end();
  try {
    return readSnapshot(JSON.parse(await promise));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const isAbsent = ["ENOENT", "ECONNREFUSED"].includes(code);
    const why = isAbsent ? "nothing is running on this storage" : messageOf(cause);
    throw new LatchkeyError(
      isAbsent ? "NOT_RUNNING" : "PROCESS_UNREACHABLE",
      `Cannot ask the running program (${path}): ${why}`,
      {},
      { cause },
    );
  }
}

/** Of another version, or another program altogether, no part may be missing that commands go through. */
function readSnapshot(value: unknown): Snapshot {
  const { hosts, workers, version, startedAt } = Object(value);
  if (!Array.isArray(hosts) || !Array.isArray(workers))
    throw new Error("it answers something else");
  return { hosts, workers, version: String(version), startedAt: String(startedAt) };
}
