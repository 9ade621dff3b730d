import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import tls, { type ConnectionOptions, type TLSSocket } from "node:tls";
import { systemNames } from "../../src/backend/system-names.ts";
import { addressesIn } from "../../src/base/address-range.ts";
import { systemClock } from "../../src/base/clock.ts";
import { type Credential, readCredential } from "../../src/base/credential.ts";
import type { Facts } from "../../src/base/errors.ts";
import { type Hostname, parseHostname } from "../../src/base/hostname.ts";
import type { Log } from "../../src/base/log.ts";
import type { CertificateSource, Host, HostPattern } from "../../src/config/config.ts";
import type { Action } from "../../src/config/destination.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { Challenges } from "../../src/connection/challenges.ts";
import { ClientShares } from "../../src/connection/client-shares.ts";
import { type CredentialSources, Credentials } from "../../src/connection/credentials.ts";
import { Passages } from "../../src/connection/passages.ts";
import { type Reception, receive } from "../../src/connection/receive.ts";
import { RefusalLog } from "../../src/connection/refusal-log.ts";
import { type Steps, serve } from "../../src/connection/serve.ts";
import { Terminator } from "../../src/connection/terminate.ts";
import type { ClientConnection } from "../../src/http/client-connection.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";

/** The one CA of these tests. */
export const authority = makeAuthority();

/** A host name that is one. */
export function hostname(text: string): Hostname {
  const host = parseHostname(text);
  if (host === undefined) throw new TypeError(`Cannot test with "${text}": not a host name`);
  return host;
}

/** A fresh credential for these names, issued by {@link authority}. */
export function makeCredential(...names: string[]): Credential {
  const { chain, key } = makeCertificate({ names, issuer: authority });
  return readCredential(chain, key);
}

/** A host entry for `store.example`, `*.example` or `*`; patterns have a certificate per name unless told otherwise. */
export function makeHost(
  text: string,
  action: Action = { kind: "respond", status: 200, headers: {}, body: "" },
  certificate: CertificateSource = {
    kind: "acme",
    issuers: [],
    onDemand: text.startsWith("*") ? { ask: undefined, allow: [] } : undefined,
  },
): Host {
  return { pattern: patternOf(text), action, certificate };
}

/** A `tcp` or `pass-through` action to a port of this machine. */
export function tunnelTo(
  kind: "tcp" | "pass-through",
  port: number,
  timeouts: Partial<{ connectMs: number; idleMs: number }> = {},
): Action {
  const defaults = { connectMs: 2_000, firstByteMs: 2_000, idleMs: 10_000 };
  return { kind, backend: { host: "127.0.0.1", port }, timeouts: { ...defaults, ...timeouts } };
}

/** Sources that hold certificates for what is stored, and ask nobody. */
export function storedCredentials(...credentials: readonly Credential[]): CredentialSources {
  return {
    load: async (host) => credentials.find(({ names }) => names.includes(host)),
    loadManual: async () => {
      throw new Error("no manual certificate in this test");
    },
    ask: async () => ({ kind: "refused" }),
  };
}

/** A port that does what the HTTPS port of a worker does, but for the relay, which is the test's. */
export interface Door extends AsyncDisposable {
  readonly port: number;
  readonly steps: Steps;
  /** The facts of every `connection.refused` line, in order. */
  readonly refused: readonly Facts[];
  /** Resolves with the facts of the next refusal. */
  nextRefusal(): Promise<Facts>;
  /** Connections that are open. */
  readonly open: ReadonlySet<Socket>;
}

export interface DoorOptions {
  readonly hosts: readonly Host[];
  readonly sources: CredentialSources;
  readonly ticketMaster?: Uint8Array;
  readonly terminator?: Terminator;
  readonly shares?: ClientShares;
  /** CIDRs of `listen.proxyProtocol`. */
  readonly loadBalancers?: readonly string[];
  /** Allows every name, unless given. */
  readonly isServed?: Steps["isServed"];
  /** Says `hello from HOST` and ends, unless given. */
  readonly relay?: (connection: ClientConnection) => void;
}

/** Opens a door on 127.0.0.1. */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const refused: Facts[] = [];
  const waiters: ((facts: Facts) => void)[] = [];
  const note = (event: string, facts: Facts = {}) => {
    if (event !== "connection.refused") return;
    refused.push(facts);
    waiters.shift()?.(facts);
  };
  const log: Log = { debug: note, info: note, warn: note, error: note };
  const steps: Steps = {
    routes: buildRoutes(options.hosts),
    challenges: new Challenges(),
    credentials: new Credentials(options.sources, systemClock),
    terminator: options.terminator ?? new Terminator(options.ticketMaster ?? Buffer.alloc(32, 1)),
    relay: { serve: options.relay ?? greet },
    isServed: options.isServed ?? (async () => true),
    names: systemNames(log),
    passages: new Passages(),
  };
  const reception: Reception = {
    refusals: new RefusalLog(log, systemClock),
    shares: options.shares ?? new ClientShares(() => false),
    isLoadBalancer: addressesIn(options.loadBalancers ?? []),
  };
  const open = new Set<Socket>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    void receive(socket, reception, (own, arrival) => serve(own, arrival, steps));
  });
  const port = await listenAnywhere(server);
  return {
    port,
    steps,
    refused,
    open,
    nextRefusal: () => new Promise((resolve) => waiters.push(resolve)),
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy();
      return closeServer(server);
    },
  };
}

function greet({ socket, host }: ClientConnection): void {
  socket.end(`hello from ${host}`);
  socket.resume();
}

/** Listens on a free port of 127.0.0.1 and says which. */
export async function listenAnywhere(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

export async function closeServer(server: net.Server): Promise<void> {
  server.close();
  await once(server, "close");
}

/** A TLS client of 127.0.0.1 that trusts {@link authority} and waits for the end of its handshake. */
export async function connectTls(
  port: number,
  servername: string,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const host = "127.0.0.1";
  const socket = tls.connect({ port, host, servername, ca: authority.certificate, ...options });
  await once(socket, "secureConnect");
  socket.on("error", () => socket.destroy());
  return socket;
}

/** A plain client of 127.0.0.1, connected. */
export async function connectRaw(port: number): Promise<Socket> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Writes `bytes` in segments that end at `cuts`, each of its own: the other side reads one before the next comes. */
export async function writeInPieces(
  socket: Socket,
  bytes: Buffer,
  cuts: readonly number[],
): Promise<void> {
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    socket.write(bytes.subarray(from, cut));
    // The server has read it when it asks for more, which a turn allows.
    await new Promise((resolve) => setImmediate(resolve));
    from = cut;
  }
}

/** Everything that `socket` receives until the other side ends or cuts. */
export async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise<void>((resolve) => {
    socket.once("end", resolve).once("close", resolve);
  });
  return Buffer.concat(chunks);
}

/** Resolves when the door holds no socket any more. */
export async function isEmpty(open: ReadonlySet<Socket>): Promise<void> {
  while (open.size > 0) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends `bytes`, and what came back until the end. */
export async function exchange(port: number, bytes: string | Buffer): Promise<Buffer> {
  const socket = await connectRaw(port);
  socket.write(bytes);
  const answer = await received(socket);
  socket.destroy();
  return answer;
}

function patternOf(text: string): HostPattern {
  if (text === "*") return { kind: "catch-all" };
  if (text.startsWith("*.")) return { kind: "wildcard", parent: hostname(text.slice(2)) };
  return { kind: "exact", host: hostname(text) };
}
