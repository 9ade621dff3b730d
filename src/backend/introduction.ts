import type { Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Backend } from "../config/destination.ts";
import { writeLocalHeader, writeProxyHeader } from "./proxy-header.ts";

/**
 * The PROXY header that a connection to `backend` begins with, as latin1; nothing for one that wants none.
 * It says whose connection this is, for good: no other client may use it. `ends`: the client's connection;
 * without one it is a connection of our own.
 */
export function introductionTo(backend: Backend, ends: ConnectionEnds | undefined): string {
  const version = backend.kind === "h2c" ? undefined : backend.proxyProtocol;
  if (version === undefined) return "";
  const header = ends === undefined ? writeLocalHeader(version) : writeProxyHeader(version, ends);
  return header.toString("latin1");
}

/** Has a socket that was just made begin with `introduction`. */
export function introduced(socket: Socket, introduction: string): Socket {
  if (introduction !== "") socket.write(introduction, "latin1");
  return socket;
}

/**
 * What a TLS connection that begins in the clear goes over: a stream of its own, since a TLS
 * socket takes the handle of a plain one over, which changes while the addresses of a name are tried.
 * Either of the two ends the other.
 */
export function carriedBy(plain: Socket): Duplex {
  const [inner, outer] = duplexPair();
  plain.pipe(outer).pipe(plain);
  plain.once("error", (error) => inner.destroy(error));
  plain.once("close", () => outer.destroy());
  inner.once("close", () => plain.destroy());
  return inner;
}
