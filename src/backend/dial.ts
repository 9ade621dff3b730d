import {
  connect as connectTcp,
  isIP,
  type OnReadOpts,
  Socket,
  type TcpNetConnectOpts,
} from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from "node:tls";
import { messageOf, unreachable } from "../base/errors.ts";
import type { Backend, TcpAddress } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { BackendConnection, type BackendUser, type ReadBackend } from "./connection.ts";
import { carriedBy, introduced, introductionTo } from "./introduction.ts";
import type { BackendNames } from "./names.ts";

/**
 * Every backend socket of the process reads into this one buffer: a read and the call it makes end
 * before the next read begins, so nothing is allocated per read. Users copy what they keep.
 */
const readBuffer = Buffer.allocUnsafeSlow(limits.bufferMaxBytes);

/**
 * Starts a connection to `backend`, owned by `user` from the first moment: it hears
 * `backendConnected`, or `backendClosed` with the reason. Name lookup is part of it, by `names`. The
 * deadline is the user's to keep: it destroys the connection when that has passed.
 *
 * @param introduction Of {@link introductionTo}: what the backend is told first.
 * @param offersHttp2 May an https backend choose HTTP/2 (ALPN, RFC 7301), where its route allows it?
 */
export function dial(
  backend: Backend,
  user: BackendUser,
  names: BackendNames,
  introduction: string = introductionTo(backend, undefined),
  offersHttp2 = true,
): BackendConnection {
  const isOff = backend.kind === "https" && backend.http2 === false;
  const protocols = offersHttp2 && !isOff ? EITHER : HTTP1;
  let carrier: Socket | undefined;
  const carried = (by: Socket) => {
    carrier = by;
  };
  const connection = new BackendConnection(backend, user, introduction, (read) => {
    try {
      return open(backend, read, { names, introduction, protocols, carried });
    } catch (cause) {
      // Roots that OpenSSL cannot read are found out here: one backend less, not one worker less.
      const message = `Cannot connect to the backend: ${messageOf(cause)}`;
      return new Socket().destroy(new Error(message, { cause }));
    }
  });
  if (backend.kind !== "unix") {
    const { host } = backend.address;
    if (isIP(host) === 0) follow(connection, carrier ?? connection.socket, host, names);
  }
  return connection;
}

/** A name may lead elsewhere while the connection lives; when it cannot be made, it may do so already. */
function follow(
  connection: BackendConnection,
  tcp: Socket,
  name: string,
  names: BackendNames,
): void {
  tcp.once("connect", () => {
    const { remoteAddress } = tcp;
    if (remoteAddress !== undefined) names.follow(name, remoteAddress, connection);
  });
  connection.socket.once("close", () => {
    names.leave(name, connection);
    if (!connection.hasConnected) names.doubt(name);
  });
}

/** How a connection is begun. */
interface Opening {
  readonly names: BackendNames;
  readonly introduction: string;
  /** What is offered by ALPN. */
  readonly protocols: readonly string[];
  /** Hears of the TCP connection where TLS goes over a stream of its own. */
  carried(by: Socket): void;
}

const HTTP1 = ["http/1.1"];
const EITHER = ["h2", "http/1.1"];

function open(backend: Backend, read: ReadBackend, opening: Opening): Socket {
  const { names, introduction } = opening;
  const onread: OnReadOpts = {
    buffer: readBuffer,
    // The buffer that comes back is the Buffer that was given; Node's types only know a Uint8Array.
    callback: (length) => read(length, readBuffer),
  };
  switch (backend.kind) {
    case "unix":
      return introduced(connectTcp({ path: backend.path, onread }), introduction);
    case "http": {
      const options = { ...tcpOptions(backend.address, names), noDelay: true, onread };
      return introduced(connectTcp(options), introduction);
    }
    case "h2c":
      return connectTcp({ ...tcpOptions(backend.address, names), noDelay: true });
    case "https":
      if (introduction !== "") return openTlsIntroduced(backend, read, opening);
      return openTls(backend, onread, opening);
    default:
      return unreachable(backend);
  }
}

type TlsBackend = Extract<Backend, { kind: "https" }>;

function openTls(backend: TlsBackend, onread: OnReadOpts, { names, protocols }: Opening): Socket {
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    ...tcpOptions(backend.address, names),
    ...tlsOptions(backend, protocols),
    onread,
  };
  const socket = connectTls(options);
  socket.setNoDelay(true);
  return socket;
}

/** Node reads into no buffer of ours here, but the bytes go the same way. No HTTP/2: its connections are shared. */
function openTlsIntroduced(
  backend: TlsBackend,
  read: ReadBackend,
  { names, introduction, carried }: Opening,
): Socket {
  const plain = connectTcp({
    ...tcpOptions(backend.address, names),
    ...{ noDelay: true, allowHalfOpen: true },
  });
  carried(plain);
  const carrier = carriedBy(introduced(plain, introduction));
  const socket = connectTls({ ...tlsOptions(backend, HTTP1), socket: carrier });
  socket.on("data", (bytes: Buffer) => {
    if (!read(bytes.length, bytes)) socket.pause();
  });
  return socket;
}

/**
 * No session is ever offered for resumption, so that none can cross from one (address, name, roots)
 * to another (the class of CVE-2026-58040); pooled connections make handshakes rare.
 */
function tlsOptions(
  { serverName, ca, verify, certificate }: TlsBackend,
  protocols: readonly string[],
): ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    ALPNProtocols: [...protocols],
    rejectUnauthorized: verify,
    checkServerIdentity: (_dialled, certificate) => checkServerIdentity(serverName, certificate),
    // What is written is trusted as it is, though it be no root: as Go, HAProxy and curl have it.
    ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
    ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
    // RFC 6066 §3: an IP address is never sent as SNI.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
  };
}

/** How every connection to a name is made: its addresses one after the other, of both families (RFC 8305). */
export function tcpOptions({ host, port }: TcpAddress, names: BackendNames): TcpNetConnectOpts {
  return {
    host,
    port,
    lookup: names.lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: limits.nextAddressMs,
  };
}
