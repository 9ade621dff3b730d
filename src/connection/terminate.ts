import { constants } from "node:crypto";
import type { Socket } from "node:net";
import type { Server, TLSSocket, TlsOptions } from "node:tls";
import type { Counts } from "../base/counts.ts";
import type { Credential } from "../base/credential.ts";
import { LatchkeyError } from "../base/errors.ts";
import { parsePlain } from "../base/hostname.ts";
import { isIpAddress } from "../base/ip-address.ts";
import { RecentMap } from "../base/recent-map.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { handshake, handshakeServer, modernTls, type ServerOptions } from "./handshake.ts";
import { HandshakePlaces } from "./handshake-places.ts";
import { Refusal } from "./refusal.ts";
import { sessionScope } from "./tickets.ts";

/** A host that is ready for handshakes. */
interface Context {
  readonly route: Host;
  /** What `server` presents. */
  readonly credential: Credential;
  readonly server: Server;
}

/**
 * Terminates TLS. Keeps one `tls.Server` for each host that was visited lately, made at its first
 * visit. A certificate that changed is swapped in at the next handshake, under the connections that
 * are open: they keep what they have, also when their host falls out of the table.
 */
export class Terminator {
  readonly #contexts: RecentMap<UriHost, Context>;
  readonly #places: HandshakePlaces;
  readonly #counts: Counts | undefined;
  #ticketMaster: Uint8Array;

  /** @param ticketMaster see {@link Terminator.rotate}. */
  constructor(
    ticketMaster: Uint8Array,
    contextsMax: number = limits.contextsMax,
    places: HandshakePlaces = new HandshakePlaces(),
    counts?: Counts,
  ) {
    this.#counts = counts;
    this.#ticketMaster = ticketMaster;
    this.#places = places;
    this.#contexts = new RecentMap(contextsMax);
  }

  /**
   * Performs the handshake for `host` with `credential` on a socket whose ClientHello named it, or
   * named nothing and was sent to that address.
   * Takes the socket over: it is closed on failure. The secured socket belongs to the caller.
   *
   * @throws {Refusal} when too many handshakes are under way: the socket is then the caller's, untouched.
   * @throws {LatchkeyError} `HANDSHAKE_FAILED`, also when OpenSSL read another name than we did;
   * `CERTIFICATE_INVALID` when it cannot use the credential.
   */
  async terminate(
    socket: Socket,
    host: UriHost,
    route: Host,
    credential: Credential,
  ): Promise<TLSSocket> {
    const server = this.#serverFor(host, route, credential);
    const secured = await this.#handshake(server, socket, host);
    if (hasNamed(secured, host)) return secured;
    secured.destroy();
    throw new LatchkeyError(
      "HANDSHAKE_FAILED",
      "Cannot finish the TLS handshake: it is for another name than the ClientHello",
      { host },
    );
  }

  /**
   * Derives every host's session tickets from another master from now on: 32 random bytes, the same
   * in all workers. Tickets made before lead to one full handshake each.
   */
  rotate(ticketMaster: Uint8Array): void {
    this.#ticketMaster = ticketMaster;
    for (const [host, { route, server }] of this.#contexts) {
      server.setTicketKeys(sessionScope(ticketMaster, route, host).ticketKeys);
    }
  }

  /** How many hosts are ready for handshakes. */
  get size(): number {
    return this.#contexts.size;
  }

  async #handshake(server: Server, socket: Socket, host: UriHost): Promise<TLSSocket> {
    let isOutrun = false;
    const cut = () => {
      isOutrun = true;
      socket.destroy();
    };
    const place = this.#places.take(cut);
    if (place === undefined) throw new Refusal("silence", "TOO_MANY_HANDSHAKES", { host });
    const whyCut = () => (isOutrun ? "it gave its place to a newer one" : "the client left");
    try {
      const secured = await handshake(server, socket, { host, whyCut });
      this.#counts?.shaken(secured.isSessionReused() ? "resumed" : "full");
      return secured;
    } catch (error) {
      this.#counts?.shaken("failed");
      throw error;
    } finally {
      this.#places.leave(place);
    }
  }

  #serverFor(host: UriHost, route: Host, credential: Credential): Server {
    const context = this.#contexts.get(host);
    if (context?.route === route && context.credential === credential) return context.server;
    const options = this.#optionsFor(host, route, credential);
    const server = serverWith(options, context?.route === route ? context.server : undefined);
    this.#contexts.set(host, { route, credential, server });
    return server;
  }

  /** The full set, for a swap too: `setSecureContext` forgets what it is not given. */
  #optionsFor(host: UriHost, route: Host, credential: Credential): ServerOptions {
    return {
      ...modernTls,
      ...sessionScope(this.#ticketMaster, route, host),
      // A tcp backend may speak any protocol (MQTT, XMPP …): there the client's offer is ignored, and
      // none is confirmed. Elsewhere an offer without overlap is refused with alert 120.
      ...(route.action.kind === "tcp" ? {} : { ALPNProtocols: ["h2", "http/1.1", "http/1.0"] }),
      ...policyOptions(route),
      sessionTimeout: limits.ticketLifetimeSeconds,
      handshakeTimeout: limits.handshakeTimeoutMs,
      cert: credential.chain,
      key: credential.key,
    };
  }
}

/**
 * What the host asks of TLS itself. Where clients show certificates there are no tickets, so that each
 * connection proves anew who it is. Who shows one that does not verify is cut by us after the handshake,
 * which OpenSSL is told by Node to finish; who shows none where one is required gets OpenSSL's alert.
 */
function policyOptions({ tls }: Host): TlsOptions {
  if (tls === undefined) return {};
  const { minVersion, clientAuth } = tls;
  if (clientAuth === undefined) return { minVersion };
  return {
    minVersion,
    secureOptions: modernTls.secureOptions | constants.SSL_OP_NO_TICKET,
    requestCert: true,
    rejectUnauthorized: clientAuth.mode === "require",
    ca: clientAuth.ca,
  };
}

/** A new server, or `existing` with another certificate. */
function serverWith(options: ServerOptions, existing: Server | undefined): Server {
  try {
    if (existing === undefined) return handshakeServer(options);
    existing.setSecureContext(options);
    return existing;
  } catch (cause) {
    throw new LatchkeyError(
      "CERTIFICATE_INVALID",
      "Cannot use the certificate: OpenSSL refuses it",
      {},
      { cause },
    );
  }
}

/**
 * Did OpenSSL see the name that we routed by, or none where we routed by address? After a resumption in
 * TLS 1.2 it does not say; the session id context and the ticket keys of the host vouch for the name then.
 */
function hasNamed(secured: TLSSocket, host: UriHost): boolean {
  const { servername } = secured;
  if (isIpAddress(host)) return typeof servername !== "string";
  if (typeof servername !== "string") return secured.isSessionReused();
  return servername === host || parsePlain(servername) === host;
}
