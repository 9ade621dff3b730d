import { once } from "node:events";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer } from "../../base/node-http.ts";
import type { Dashboard } from "../../config/config.ts";
import { limits } from "../../config/limits.ts";
import type { Snapshot } from "../snapshot.ts";
import { Gate } from "./gate.ts";
import { readQuery } from "./hosts.ts";
import { renderPage } from "./page.ts";
import { CONTENT_SECURITY_POLICY } from "./style.ts";

/** What the dashboard shows. */
export interface DashboardSteps {
  snapshot(): Snapshot;
  /** The name of this machine. */
  readonly machine: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Hears of an answer that could not be made. */
  failed(error: unknown): void;
}

/** A dashboard that can be looked at. */
export interface OpenDashboard {
  /** The port that it got. */
  readonly port: number;
  /** Takes no more connections, and ends those that are open. */
  close(): void;
}

/** Nobody else's page may show, load or measure ours, and no cache keeps it. */
const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-frame-options": "DENY",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  connection: "close",
};

/**
 * Answers `GET /`, the page, and `GET /status.json`, what the admin socket says to `GET /status`; HEAD too, and
 * nothing else: whoever looks can change nothing. Connections are few, and each has its end.
 *
 * @throws what `listen` does: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL` …
 */
export async function serveDashboard(
  dashboard: Dashboard,
  steps: DashboardSteps,
): Promise<OpenDashboard> {
  const answerer = new Answerer(dashboard, steps);
  const server = createServer(
    {
      maxHeaderSize: limits.dashboardHeadMaxBytes,
      headersTimeout: limits.dashboardHeadTimeoutMs,
      requestTimeout: limits.dashboardHeadTimeoutMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    (request, response) => answerer.answer(request, response),
  );
  server.maxConnections = limits.dashboardConnectionsMax;
  server.on("connection", (socket) => {
    const end = setTimeout(() => socket.destroy(), limits.dashboardConnectionMs);
    socket.once("close", () => clearTimeout(end));
  });
  await listen(server, dashboard);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** How often Node looks whether a head is late. */
const CHECK_EVERY_MS = 1_000;

async function listen(server: Server, { address: { host, port } }: Dashboard): Promise<void> {
  server.listen({ port, ...(host === undefined ? {} : { host }) });
  await once(server, "listening");
  server.on("error", () => {}); // of one that listens: a connection that could not be accepted
}

interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One sight of the program, and what was made of it. */
interface Seen {
  readonly at: number;
  readonly snapshot: Snapshot;
  json: Buffer | undefined;
}

class Answerer {
  readonly #gate: Gate;
  readonly #steps: DashboardSteps;
  #seen: Seen | undefined;

  constructor(dashboard: Dashboard, steps: DashboardSteps) {
    this.#steps = steps;
    this.#gate = new Gate(dashboard, () => steps.now());
  }

  /** A fault of ours costs this answer and no more: the process has certificates to care for. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    try {
      send(response, this.#replyTo(request));
    } catch (error) {
      this.#steps.failed(error);
      send(response, inText(500, "something went wrong, which the log tells"));
    }
  }

  #replyTo({ method = "", headers, socket, url = "" }: IncomingMessage): Reply {
    if (method !== "GET" && method !== "HEAD")
      return inText(405, "it can only be looked at", { allow: "GET, HEAD" });
    const { host, authorization } = headers;
    const refusal = this.#gate.look({ host, authorization, address: socket.remoteAddress ?? "" });
    if (refusal !== undefined) return inText(refusal.status, refusal.why, refusal.headers);
    const [path, query = ""] = splitTarget(url);
    if (path === "/") return { status: 200, type: "text/html", body: this.#page(query) };
    if (path === "/status.json")
      return { status: 200, type: "application/json", body: this.#json() };
    return inText(404, "there are / and /status.json");
  }

  #page(query: string): Buffer {
    const { snapshot } = this.#look();
    const { machine } = this.#steps;
    const wanted = readQuery(new URLSearchParams(query).get("q") ?? "");
    return Buffer.from(renderPage({ snapshot, machine, now: this.#steps.now(), query: wanted }));
  }

  #json(): Buffer {
    const seen = this.#look();
    seen.json ??= Buffer.from(`${JSON.stringify(seen.snapshot)}\n`);
    return seen.json;
  }

  /** With ten thousand hosts a look takes a while: what was seen a moment ago serves for all. */
  #look(): Seen {
    const now = this.#steps.now();
    const age = now - (this.#seen?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#seen === undefined || age < 0 || age >= limits.dashboardFreshMs)
      this.#seen = { at: now, snapshot: this.#steps.snapshot(), json: undefined };
    return this.#seen;
  }
}

function splitTarget(target: string): readonly string[] {
  const mark = target.indexOf("?");
  return mark === -1 ? [target] : [target.slice(0, mark), target.slice(mark + 1)];
}

function inText(status: number, why: string, headers: Reply["headers"] = {}): Reply {
  return {
    status,
    type: "text/plain",
    body: Buffer.from(`Cannot show the dashboard: ${why}\n`),
    headers,
  };
}

function send(response: ServerResponse, { status, type, body, headers }: Reply): void {
  const length = { "content-type": `${type}; charset=utf-8`, "content-length": body.length };
  response.writeHead(status, { ...HEADERS, ...headers, ...length });
  response.end(body);
}
