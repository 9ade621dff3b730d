import { createServer, type Server, type Socket } from "node:net";
import type { BackendNames } from "../../src/backend/names.ts";
import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Counts } from "../../src/base/counts.ts";
import type { Facts } from "../../src/base/errors.ts";
import { type Hostname, parseHostname } from "../../src/base/hostname.ts";
import type { Log } from "../../src/base/log.ts";
import type { Host } from "../../src/config/config.ts";
import type {
  Action,
  Backend,
  Balance,
  HealthCheck,
  PathRoute,
} from "../../src/config/destination.ts";
import { limits } from "../../src/config/limits.ts";
import { socketEnds } from "../../src/connection/socket-ends.ts";
import type { Policy } from "../../src/http/policy.ts";
import { Relay } from "../../src/http/relay.ts";
import { RawClient } from "./raw-client.ts";
import { portOf, Recorder, type Script } from "./recorder.ts";

/** A host name that a test knows to be one. */
export function hostname(text: string): Hostname {
  const host = parseHostname(text);
  if (host === undefined) throw new TypeError(`${text} is not a host name`);
  return host;
}

/** A log that keeps its lines. */
export class KeptLog implements Log {
  readonly lines: { readonly event: string; readonly facts: Facts }[] = [];
  debug = this.#keep();
  info = this.#keep();
  warn = this.#keep();
  error = this.#keep();

  #keep() {
    return (event: string, facts: Facts = {}) => void this.lines.push({ event, facts });
  }
}

export function httpBackend(port: number): Extract<Backend, { kind: "http" }> {
  return { kind: "http", address: { host: "127.0.0.1", port }, hostHeader: "client" };
}

/** A backend whose certificate is for `backend.example`, by this authority. */
export function httpsBackendOf(
  port: number,
  ca: string,
  changes: Partial<HttpsBackend> = {},
): HttpsBackend {
  return {
    kind: "https",
    address: { host: "127.0.0.1", port },
    hostHeader: "client",
    serverName: "backend.example",
    ca,
    verify: true,
    ...changes,
  };
}

type HttpsBackend = Extract<Backend, { kind: "https" }>;

/** Rotation without weights or limits, or what `changes` say. */
export function balance(changes: Partial<Balance> = {}): Balance {
  return {
    method: "round-robin",
    weights: [],
    maxConnections: undefined,
    slowStartMs: 0,
    ejectAfter: undefined,
    ...changes,
  };
}

/** The checks that `health: on` means. */
export const HEALTH: HealthCheck = {
  path: undefined,
  statuses: [[200, 399]],
  everyMs: 10_000,
  timeoutMs: 2_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
};

/** A path route with the default deadlines. */
export function pathRoute(
  backends: readonly Backend[],
  changes: Partial<PathRoute> = {},
): PathRoute {
  return {
    prefix: "/",
    stripPrefix: false,
    backends,
    balance: balance(),
    health: undefined,
    timeouts: {
      connectMs: limits.backendConnectTimeoutMs,
      firstByteMs: limits.backendFirstByteTimeoutMs,
      idleMs: limits.backendIdleTimeoutMs,
    },
    maxBodyBytes: undefined,
    ...changes,
  };
}

export function forwardTo(backends: readonly Backend[], changes: Partial<PathRoute> = {}): Action {
  return { kind: "forward", paths: [pathRoute(backends, changes)] };
}

export function hostRoute(host: string, action: Action): Host {
  return {
    pattern: { kind: "exact", host: hostname(host) },
    action,
    certificate: { kind: "none" },
  };
}

export interface WorldOptions {
  readonly action: Action;
  /** Further names of the same route, covered by the certificate. */
  readonly alsoNamed?: readonly string[];
  readonly trusted?: readonly string[];
  readonly access?: (facts: Facts) => void;
  readonly tellsQuery?: boolean;
  /** Where clients are said to come from, or `peer`: where they do. */
  readonly clientAddress?: string;
  readonly policies?: readonly Policy[];
  readonly protocol?: "http/1.1" | "h2";
  /** Where names of backends lead; by default where this machine says. */
  readonly names?: BackendNames;
}

/** A relay behind a plain listening socket, as if `shop.example` had been peeked. */
export class RelayWorld implements AsyncDisposable {
  readonly counts = new Counts(["shop.example"]);
  readonly relay: Relay;
  readonly log = new KeptLog();
  /** What was told of clients that were sent away. */
  readonly refused: Facts[] = [];
  readonly port: number;
  readonly #server: Server;

  static async start(options: WorldOptions): Promise<RelayWorld> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new RelayWorld(server, options);
  }

  constructor(server: Server, options: WorldOptions) {
    const host = hostname("shop.example");
    const route = hostRoute(host, options.action);
    const also = (options.alsoNamed ?? []).map(hostname);
    const trusted = options.trusted ?? [];
    this.#server = server;
    this.port = portOf(server);
    this.relay = new Relay({
      names: options.names ?? systemNames(this.log),
      hosts: [route],
      place: { index: 0, of: 1 },
      log: this.log,
      clock: systemClock,
      findRoute: (name) =>
        name === host || also.some((other) => other === name) ? route : undefined,
      isTrustedProxy: (address) => trusted.includes(address),
      ...(options.policies === undefined ? {} : { policiesOf: () => options.policies ?? [] }),
      publicHttpsPort: 8443,
      access: options.access,
      tellsQuery: options.tellsQuery === true,
      counts: this.counts,
      refused: (facts) => void this.refused.push(facts),
    });
    server.on("connection", (socket: Socket) => {
      this.relay.serve({
        socket,
        protocol: options.protocol ?? "http/1.1",
        host,
        route,
        certifiedNames: [host, ...also],
        clientAddress:
          options.clientAddress === "peer"
            ? (socket.remoteAddress ?? "")
            : (options.clientAddress ?? "192.0.2.7"),
        ends: socketEnds(socket),
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.relay.close();
    await new Promise((resolve) => this.#server.close(resolve));
    // The relay hears of a closed socket a turn later; its last timer goes with that.
    while (this.relay.open > 0) await new Promise(setImmediate);
  }
}

/** A relay in front of one backend, and a client connected to it. */
export class Scene<Peer extends AsyncDisposable> implements AsyncDisposable {
  readonly backend: Peer;
  readonly world: RelayWorld;
  readonly client: RawClient;

  constructor(backend: Peer, world: RelayWorld, client: RawClient) {
    this.backend = backend;
    this.world = world;
    this.client = client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.world[Symbol.asyncDispose]();
    await this.backend[Symbol.asyncDispose]();
  }
}

/** A relay in front of one scripted backend. */
export class RelayScene extends Scene<Recorder> {
  static async start(
    script: Script = () => undefined,
    changes: Partial<PathRoute> = {},
    options: Partial<WorldOptions> = {},
  ): Promise<RelayScene> {
    const backend = await Recorder.start(script);
    const action = forwardTo([httpBackend(backend.port)], changes);
    const world = await RelayWorld.start({ action, ...options });
    return new RelayScene(backend, world, await RawClient.connect(world.port));
  }
}

/** A GET of `target` with these further lines. */
export function get(lines = "", target = "/"): string {
  return `GET ${target} HTTP/1.1\r\nHost: shop.example\r\n${lines}\r\n`;
}

/** A POST with these framing lines and this body. */
export function post(lines: string, body = ""): string {
  return `POST / HTTP/1.1\r\nHost: shop.example\r\n${lines}\r\n${body}`;
}
