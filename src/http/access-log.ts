import { backendName } from "../backend/identity.ts";
import { type Facts, messageOf } from "../base/errors.ts";
import { createLog, failureFacts, type Log } from "../base/log.ts";
import type { SinkWatch } from "../base/log-sink.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { LogConfig } from "../config/config.ts";
import type { Backend } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { Admitted } from "./admit.ts";
import type { BackendTimes } from "./backend-times.ts";
import { clientOf, type Sender } from "./forwarded.ts";

/** Who speaks. */
export interface AccessTeller {
  readonly process: string;
  /** The log of that process, which says when the file takes no lines. */
  readonly log: Log;
  /** Hears why nothing can be written into the file now; `undefined`: it can again. */
  failing(why: string | undefined): void;
}

/**
 * Where access lines go: `undefined` when they are off, so that nothing is gathered for them.
 * `fd` is the opened file, when the configuration names one; else they go to standard output.
 */
export function accessSink(
  config: LogConfig,
  fd: number | undefined,
  { process, log, failing }: AccessTeller,
): ((facts: Facts) => void) | undefined {
  if (config.access === "off") return undefined;
  const isFile = fd !== undefined && config.access !== "on";
  const access = createLog({
    level: "info",
    format: isFile ? "json" : config.format,
    process,
    ...(isFile ? { fd, watch: fileWatch(config.access.path, log, failing) } : {}),
  });
  return (facts) => access.info("request.done", facts);
}

/**
 * Says in `log` that the file at `path` cannot be written (`log.failing`), and that it can again (`log.recovered`),
 * once in a while if they come and go; and how many lines never got there at the end (`log.dropped`).
 */
function fileWatch(path: string, log: Log, failing: AccessTeller["failing"]): SinkWatch {
  let toldAt = Number.NEGATIVE_INFINITY;
  let isTold = false;
  return {
    failing: (error) => {
      failing(messageOf(error));
      isTold = performance.now() - toldAt >= limits.logFailingEveryMs;
      if (!isTold) return;
      toldAt = performance.now();
      log.error("log.failing", { path, ...failureFacts(error) });
    },
    recovered: (dropped) => {
      failing(undefined);
      if (isTold) log.info("log.recovered", { path, lines: dropped });
    },
    lost: (lines) => log.warn("log.dropped", { path, lines }),
  };
}

/** Who asked, and for what. */
export interface AskedRecord {
  /** Empty, as the target: it could not be read. */
  readonly method: string;
  /** Undefined: nobody knows. */
  readonly host: string | undefined;
  /** Path and query. */
  readonly target: string;
  readonly client: string;
  /** See {@link Sender}; undefined: it has shown none. */
  readonly clientCertificate: string | undefined;
  /** Undefined: there was no request to tell. */
  readonly requestId: string | undefined;
}

/** How a request has ended, whichever way. */
export interface EndedRecord {
  /** The status the client got; 0: none; 101: a WebSocket, whatever the client speaks. */
  readonly status: number;
  /** Content taken from the client, and given to it, or what went through its tunnel. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** From the first byte of the head to the last byte of the answer handed to the socket, or the end of the tunnel. */
  readonly durationMs: number;
  /** Whose password was right (`auth.basic`). */
  readonly user: string | undefined;
  readonly backend: Backend | undefined;
  /** Why it did not end well, in our words. */
  readonly why: string | undefined;
}

/** @param request `undefined` when it could not be read: then it is told for `host`, if that is known. */
export function askedRecord(
  request: Admitted | undefined,
  { host, sender }: { readonly host?: UriHost; readonly sender: Sender },
  requestId: string | undefined,
): AskedRecord {
  const clientCertificate = sender.identity?.certificate;
  if (request === undefined)
    return { method: "", host, target: "", client: sender.address, clientCertificate, requestId };
  return {
    method: request.method,
    host: request.host,
    target: request.target,
    client: clientOf(request.head.fields, sender),
    clientCertificate,
    requestId,
  };
}

/**
 * The `request.done` line of a request: stable names, nothing secret, no query unless `tellsQuery`.
 *
 * @param times Of its way to its backend, if it was forwarded.
 */
export function accessFacts(
  asked: AskedRecord,
  ended: EndedRecord,
  times: Pick<BackendTimes, "connectMs" | "firstByteMs"> | undefined,
  tellsQuery: boolean,
): Facts {
  const { target } = asked;
  const query = tellsQuery ? -1 : target.indexOf("?");
  return {
    method: asked.method || undefined,
    host: asked.host,
    path: (query === -1 ? target : target.slice(0, query)) || undefined,
    status: ended.status,
    bytesIn: ended.bytesIn,
    bytesOut: ended.bytesOut,
    durationMs: roundedMs(ended.durationMs),
    connectMs: times?.connectMs && roundedMs(times.connectMs),
    firstByteMs: times?.firstByteMs && roundedMs(times.firstByteMs),
    client: asked.client,
    user: ended.user,
    clientCertificate: asked.clientCertificate,
    backend: ended.backend === undefined ? undefined : backendName(ended.backend),
    requestId: asked.requestId,
    why: ended.why,
  };
}

/** As a line has it: to a hundredth. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}
