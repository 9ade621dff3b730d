import { once } from "node:events";
import { lstat, unlink } from "node:fs/promises";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { dirname } from "node:path";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { exists } from "../base/exists.ts";
import { createServer } from "../base/node-http.ts";
import type { Probe } from "../base/probe.ts";
import type { ReloadAnswer } from "../base/reload-outcome.ts";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import type { HostEvent } from "../base/watched-log.ts";
import {
  answerDrain,
  type DrainOutcome,
  type DrainRequest,
  readDrainRequest,
} from "./drain-request.ts";
import { EXPOSITION_TYPE } from "./exposition.ts";
import { healthOf } from "./health.ts";
import {
  answerHostRequest,
  type HostOutcome,
  type HostRequest,
  readHostRequest,
  readProbeRequest,
} from "./host-request.ts";
import { answerRollover, type RolloverRequest, readRolloverRequest } from "./rollover-request.ts";
import { sendJson } from "./send-json.ts";
import type { Snapshot } from "./snapshot.ts";

/** What the admin socket can be asked. */
export interface AdminSteps {
  snapshot(): Snapshot;
  /** What Prometheus reads; see {@link writeExposition}. */
  metrics(): Promise<string>;
  /** Does what is asked for the host, telling what happens meanwhile; never rejects. */
  act(request: HostRequest, tell: (happened: HostEvent) => void): Promise<HostOutcome>;
  /** Has the configuration read again; never rejects. `undefined`: a successor is to be asked, which hears the outcome. */
  reload(): Promise<ReloadAnswer | undefined>;
  /** Gives accounts with CAs new keys; never rejects. */
  rollOver(request: RolloverRequest): Promise<readonly RolloverOutcome[]>;
  /** Puts a backend out of use, or back; never rejects. */
  drain(request: DrainRequest): Promise<DrainOutcome>;
  /** Answers something for the host, for a short while, that nobody else can; `undefined`: no such host, or not now. */
  probe(host: string): Promise<Probe | undefined>;
}

/** Whoever may open the socket is the operator; still, nothing of theirs may hang about. */
const REQUEST_TIMEOUT_MS = 10_000;

/** How a server ends. */
export interface AdminEnd {
  /** Is there to be another process in the place of this one? Then it answers what changes nothing, and its socket stays. */
  readonly isReplaced: boolean;
}

/** Whoever is being answered when the program ends has so long to hear it. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Answers on a Unix socket that only this user may open (0600): `GET /status`, `GET /healthz`, `GET /metrics`,
 * `POST /reload` (200 accepted, 422 rejected, 504 unanswered), `POST /accounts/rollover`: see {@link answerRollover},
 * `POST /hosts/NAME/renew`, `…/retry`, `…/revoke?reason=…`: see {@link answerHostRequest}; `POST /hosts/NAME/probe`,
 * `POST /hosts/NAME/drain?backend=…` and `…/undrain?backend=…`.
 * A socket file left by a dead program is replaced; the caller holds the lease on storage.
 *
 * @returns The function that stops listening and removes the socket, or leaves both to a successor.
 * @throws {LatchkeyError} `LISTEN_FAILED`.
 */
export async function serveAdmin(
  path: string,
  steps: AdminSteps,
): Promise<(end?: AdminEnd) => Promise<void>> {
  const underWay = new Set<ServerResponse>();
  let isLeaving = false;
  const server = createServer((request, response) => {
    // What a successor would never hear of must not be begun.
    if (isLeaving && request.method !== "GET") return void request.destroy();
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
    answer(steps, request, response);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  await removeStale(path);
  await listen(server, path);
  return async ({ isReplaced } = { isReplaced: false }) => {
    isLeaving = true;
    // An answer that is being written is still heard: that of a reload, which ends this process.
    const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
    if (isReplaced) await Promise.all([...underWay].map((response) => once(response, "close")));
    else await new Promise<void>((resolve) => server.close(() => resolve()));
    clearTimeout(timer);
  };
}

function answer(steps: AdminSteps, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const asked = readHostRequest(request);
  if (asked !== undefined) return void answerHostRequest(asked, steps.act, request, response);
  const probed = readProbeRequest(request);
  if (probed !== undefined) return void answerProbe(steps, probed, response);
  const rollover = readRolloverRequest(request);
  if (rollover !== undefined)
    return void answerRollover(rollover, (asked) => steps.rollOver(asked), response);
  const drained = readDrainRequest(request);
  if (drained !== undefined)
    return void answerDrain(drained, (wanted) => steps.drain(wanted), response);
  const route = `${request.method} ${request.url}`;
  if (route === "POST /reload") return void answerReload(steps, response);
  if (route === "GET /metrics") return void answerMetrics(steps, response);
  if (route === "GET /status") {
    sendJson(response, 200, steps.snapshot());
  } else if (route === "GET /healthz") {
    const health = healthOf(steps.snapshot());
    sendJson(response, health.status === "failing" ? 503 : 200, health);
  } else {
    sendJson(response, 404, {
      error: `Cannot answer ${route}: known are GET /status, GET /healthz, GET /metrics, POST /reload, POST /accounts/rollover, POST /hosts/NAME/renew, retry, revoke, probe, drain or undrain`,
    });
  }
}

const RELOAD_STATUS: Readonly<Record<ReloadAnswer["kind"], number>> = {
  accepted: 200,
  rejected: 422,
  unanswered: 504,
};

async function answerReload(steps: AdminSteps, response: ServerResponse): Promise<void> {
  const answer = await steps.reload();
  if (answer === undefined) return void response.destroy();
  sendJson(response, RELOAD_STATUS[answer.kind], answer);
}

async function answerMetrics(steps: AdminSteps, response: ServerResponse): Promise<void> {
  const text = await steps.metrics();
  response.writeHead(200, { "content-type": EXPOSITION_TYPE, connection: "close" });
  response.end(text);
}

async function answerProbe(
  steps: AdminSteps,
  host: string,
  response: ServerResponse,
): Promise<void> {
  const probe = await steps.probe(host);
  if (probe !== undefined) sendJson(response, 200, probe);
  else sendJson(response, 404, { error: `Cannot answer for ${host} now` });
}

/** All rights of group and others, and execution. */
const OTHERS_ALL = 0o177;

async function listen(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  const before = process.umask(OTHERS_ALL); // a later chmod would leave a moment open
  try {
    server.listen({ path }, resolve);
  } finally {
    process.umask(before);
  }
  try {
    await promise;
  } catch (cause) {
    // libuv says EACCES for ENOENT here, as on Windows.
    const folder = dirname(path);
    const why = (await exists(folder)) ? messageOf(cause) : `there is no folder ${folder}`;
    throw new LatchkeyError(
      "LISTEN_FAILED",
      `Cannot open the admin socket ${path}: ${why}`,
      {},
      { cause },
    );
  }
  server.off("error", reject);
}

async function removeStale(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isSocket()) await unlink(path);
  } catch {
    // It was not there; anything else listening will say.
  }
}
