import type { IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { request } from "../base/node-http.ts";
import type { Probe } from "../base/probe.ts";
import type { ReloadAnswer } from "../base/reload-outcome.ts";
import type { DrainOutcome, DrainRequest } from "./drain-request.ts";
import { type HostOutcome, type HostRequest, PROGRESS_TYPE } from "./host-request.ts";
import type { Snapshot } from "./snapshot.ts";

/** The program answers from memory; longer than this it hangs. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Reading 10,000 hosts takes a second or two, and another reload may be under way. */
const RELOAD_TIMEOUT_MS = 30_000;
/** Every worker has to know it first, which is waited for no longer than this. */
const PROBE_TIMEOUT_MS = 10_000;
/** An order takes at most five minutes, and it may wait for its turn and come twice. */
const ACTION_TIMEOUT_MS = 1_200_000;
/** No answer of the program is longer; the largest is the table of ten thousand hosts. */
const LINE_MAX_CHARACTERS = 65_536;

/**
 * Asks the running program over its admin socket.
 *
 * @throws {LatchkeyError} `NOT_RUNNING` when nothing listens there; `PROCESS_UNREACHABLE` when what
 *   listens gives no proper answer in time.
 */
export async function askStatus(path: string): Promise<Snapshot> {
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const response = await send(path, { path: "/status", signal });
    return readSnapshot(JSON.parse(await textOf(response)));
  } catch (cause) {
    throw unanswered(path, cause);
  }
}

/**
 * Has the running program do something for a host, and waits until it is done.
 *
 * @param tell Hears what happens meanwhile, an event and its facts at a time.
 * @throws {LatchkeyError} as {@link askStatus}.
 */
export async function askForHost(
  path: string,
  { host, action, reason }: HostRequest,
  tell: (happened: Readonly<Record<string, unknown>>) => void,
): Promise<HostOutcome> {
  try {
    const query = reason === undefined ? "" : `?${new URLSearchParams({ reason })}`;
    const response = await send(path, {
      method: "POST",
      path: `/hosts/${encodeURIComponent(host)}/${action}${query}`,
      headers: { accept: PROGRESS_TYPE },
      signal: AbortSignal.timeout(ACTION_TIMEOUT_MS),
    });
    for await (const line of createInterface({ input: response })) {
      const said = JSON.parse(line.slice(0, LINE_MAX_CHARACTERS));
      if (typeof said.outcome === "string") return said;
      tell(said);
    }
    throw new Error("it ended before this was done");
  } catch (cause) {
    throw unanswered(path, cause);
  }
}

/**
 * Has the running program read its configuration again.
 *
 * @throws {LatchkeyError} as {@link askStatus}.
 */
export async function askForReload(path: string): Promise<ReloadAnswer> {
  try {
    const signal = AbortSignal.timeout(RELOAD_TIMEOUT_MS);
    const response = await send(path, { method: "POST", path: "/reload", signal });
    const answer = JSON.parse(await textOf(response));
    if (["accepted", "rejected", "unanswered"].includes(answer?.kind)) return answer;
    throw new Error("it answers something else");
  } catch (cause) {
    throw unanswered(path, cause);
  }
}

/**
 * Has the running program answer something for a host that nobody else can, for a short while; `undefined` when it
 * does not.
 *
 * @throws {LatchkeyError} as {@link askStatus}.
 */
export async function askForProbe(path: string, host: string): Promise<Probe | undefined> {
  try {
    const response = await send(path, {
      method: "POST",
      path: `/hosts/${encodeURIComponent(host)}/probe`,
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    const answer = await textOf(response);
    return response.statusCode === 200 ? readProbe(JSON.parse(answer)) : undefined;
  } catch (cause) {
    throw unanswered(path, cause);
  }
}

/**
 * Has the running program put a backend out of use, or back.
 *
 * @throws {LatchkeyError} as {@link askStatus}.
 */
export async function askForDrain(
  path: string,
  { host, backend, isDrained }: DrainRequest,
): Promise<DrainOutcome> {
  try {
    const word = isDrained ? "drain" : "undrain";
    const query = new URLSearchParams({ backend });
    const response = await send(path, {
      method: "POST",
      path: `/hosts/${encodeURIComponent(host)}/${word}?${query}`,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const answer = JSON.parse(await textOf(response));
    if (answer?.kind === "done" || answer?.kind === "unknown") return answer;
    throw new Error("it answers something else");
  } catch (cause) {
    throw unanswered(path, cause);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** The answer, whatever its status; its body is the caller's to read. */
async function send(
  socketPath: string,
  options: {
    readonly path: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<IncomingMessage> {
  const sent = request({ socketPath, ...options });
  sent.end();
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.on("error", reject);
  sent.on("response", resolve);
  // Whatever else comes (101 is no response to Node), the question ends with its connection.
  sent.on("close", () => reject(noAnswer()));
  return await promise;
}

function noAnswer(): Error {
  return Object.assign(new Error("it gave no answer"), { code: "ECONNRESET" });
}

const ABSENT = "nothing is running on this storage";
/** The socket of a program that was killed stays, as does that of a manager that is being replaced. */
const SILENT = `${ABSENT}, or it is just starting`;
const WHY: Readonly<Record<string, string>> = {
  ENOENT: ABSENT,
  ECONNREFUSED: SILENT,
  EACCES: "only the user that it runs as may ask it",
  ECONNRESET: "it ended, or was replaced, before it had answered",
  ABORT_ERR: "it gives no answer in time: it is stopped, or the machine is too busy",
};

function unanswered(path: string, cause: unknown): LatchkeyError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const isAbsent = code === "ENOENT" || code === "ECONNREFUSED";
  const why = WHY[code] ?? messageOf(cause);
  return new LatchkeyError(
    isAbsent ? "NOT_RUNNING" : "PROCESS_UNREACHABLE",
    `Cannot ask the running program (${path}): ${why}`,
    {},
    { cause },
  );
}

/** Of another version, or another program altogether, no part may be missing that commands go through. */
function readSnapshot(value: unknown): Snapshot {
  const { hosts, backends = [], troubles = [], workers, ...rest } = Object(value);
  const { version, file, pid, startedAt, manager } = rest;
  if (!Array.isArray(hosts) || !Array.isArray(workers))
    throw new Error("it answers something else");
  return {
    version: String(version),
    file: typeof file === "string" ? file : undefined,
    pid: Number(pid),
    startedAt: String(startedAt),
    manager: { pid: Number(manager?.pid), startedAt: String(manager?.startedAt) },
    workers,
    hosts,
    backends,
    troubles,
  };
}

function readProbe(value: unknown): Probe {
  const { token, words, chain } = Object(value);
  if (typeof token !== "string" || typeof words !== "string")
    throw new Error("it answers something else");
  return { token, words, chain: typeof chain === "string" ? chain : undefined };
}
