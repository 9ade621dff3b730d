import type { IncomingMessage, ServerResponse } from "node:http";
import type { CertificateRecord } from "../base/certificate-record.ts";
import type { HostEvent } from "../base/watched-log.ts";
import { sendJson } from "./send-json.ts";

/** What an operator wants done for one host: `POST /hosts/NAME/renew`, `…/retry`, `…/revoke?reason=…`. */
export interface HostRequest {
  readonly host: string;
  readonly action: HostAction;
  /** With `revoke`: a reason of RFC 5280 §5.3.1 in its own spelling. */
  readonly reason: string | undefined;
}

export type HostAction = (typeof ACTIONS)[number];

/** How it went. */
export interface HostOutcome {
  /** `done`: as asked. `refused`: not ours to do. `unknown`: no such host, or no such reason. */
  readonly outcome: "done" | "failed" | "refused" | "unknown";
  readonly detail: string;
  /** The host as it is now; `null` when there is none. */
  readonly host: CertificateRecord | null;
}

const ACTIONS = ["renew", "retry", "revoke"] as const;
/** Lines instead of one value: what happens, as it happens, and the outcome last. */
export const PROGRESS_TYPE = "application/x-ndjson";
const STATUS = { done: 200, failed: 502, refused: 409, unknown: 404 } as const;

/** `undefined` for any other request. */
export function readHostRequest(request: IncomingMessage): HostRequest | undefined {
  const { host, word, query } = partsOf(request) ?? {};
  const action = ACTIONS.find((known) => known === word);
  if (action === undefined || host === undefined) return undefined;
  const reason = new URLSearchParams(query).get("reason") ?? undefined;
  return { host, action, reason };
}

/** The host of `POST /hosts/NAME/probe`; `undefined` for any other request. */
export function readProbeRequest(request: IncomingMessage): string | undefined {
  const parts = partsOf(request);
  return parts?.word === "probe" ? parts.host : undefined;
}

/** `POST /hosts/NAME/WORD?QUERY`; `undefined` for any other request. */
export function partsOf({ method, url = "" }: IncomingMessage) {
  if (method !== "POST") return undefined;
  const [path = "", query = ""] = url.split("?", 2);
  const [empty, hosts, name = "", word, ...rest] = path.split("/");
  const host = decoded(name);
  const isOne = empty === "" && hosts === "hosts" && rest.length === 0;
  return isOne && host !== undefined && host !== "" ? { host, word, query } : undefined;
}

/**
 * Answers when it is done: 200, 404 for an unknown host, 409 for what is not ours to do, 502 when it
 * failed; with `Accept: application/x-ndjson` 200 at once and a line for everything that happens, the
 * last one being the outcome. An operator who leaves does not end what was begun.
 */
export async function answerHostRequest(
  asked: HostRequest,
  act: (asked: HostRequest, tell: (happened: HostEvent) => void) => Promise<HostOutcome>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const wantsProgress = request.headers.accept === PROGRESS_TYPE;
  if (wantsProgress) {
    response.writeHead(200, { "content-type": PROGRESS_TYPE, connection: "close" });
    response.flushHeaders();
  }
  const outcome = await act(asked, ({ event, facts }) => {
    // A reader that does not read gets no more lines: they are few, and the outcome is what counts.
    if (wantsProgress && !response.writableNeedDrain) response.write(lineOf({ event, ...facts }));
  });
  if (wantsProgress) response.end(lineOf(outcome));
  else sendJson(response, STATUS[outcome.outcome], outcome);
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
