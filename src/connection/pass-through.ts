import type { Socket } from "node:net";
import { Deadlines } from "../backend/deadlines.ts";
import type { BackendNames } from "../backend/names.ts";
import { writeProxyHeader } from "../backend/proxy-header.ts";
import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Action } from "../config/destination.ts";
import { hasUntakenAnswers, isEndOfReset } from "../http/socket-handle.ts";
import { closeSignal } from "./close-signal.ts";
import { dial } from "./dial.ts";

/** One clock for all tunnels of this process. */
const deadlines = new Deadlines();

/** An action that pipes bytes to a backend as they are. */
export type Tunnel = Extract<Action, { readonly kind: "tcp" | "pass-through" }>;

/**
 * Dials the backend and pipes both ways until both sides have ended: the raw bytes of a TLS
 * connection, from its ClientHello that was given back, or the plaintext of a terminated one. Takes
 * `client` over; resolves when both sockets are closed.
 *
 * @param ends Whose connection it is: a backend that wants it is told in a PROXY header.
 * @param names Where the name of the backend leads.
 *
 * @throws {LatchkeyError} `BACKEND_UNREACHABLE`, with `client` closed.
 */
export async function passThrough(
  client: Socket,
  tunnel: Tunnel,
  ends: ConnectionEnds,
  names: BackendNames,
): Promise<void> {
  const { backend, timeouts, proxyProtocol } = tunnel;
  try {
    const upstream = await dial(backend, timeouts.connectMs, closeSignal(client), names);
    if (proxyProtocol !== undefined) upstream.write(writeProxyHeader(proxyProtocol, ends));
    await splice(client, upstream, tunnel);
  } finally {
    client.destroy();
  }
}

/**
 * Pipes both ways with back-pressure. An end is passed on as an end (half-close), everything else
 * that closes one side cuts the other, so that a cut is never taken for an end; both are cut after `idle`
 * without a byte in either direction. A cut is a reset. Of TLS that we terminate it is an end without close_notify (RFC 8446
 * §6.1), behind which the client still gets what was on its way.
 */
function splice(client: Socket, upstream: Socket, { kind, timeouts }: Tunnel): Promise<void> {
  const cutClient = (): void => void (kind === "tcp" ? client.destroy() : client.resetAndDestroy());
  const cutUpstream = (): void => void upstream.resetAndDestroy();
  // Each byte of either direction is read from or written to the client, so its timer sees them all.
  client.setTimeout(timeouts.idleMs, cutClient);
  client.once("end", () => {
    if (!isEndOfReset(client)) return;
    cutUpstream();
    cutClient();
  });
  const watched = {
    tick: (now: number): void => {
      if (hasUntakenAnswers(client, now)) cutClient();
    },
  };
  if (kind === "tcp") deadlines.watch(watched);
  const both = [pipe(client, upstream, cutUpstream), pipe(upstream, client, cutClient)];
  return Promise.all(both).then(() => deadlines.forget(watched));
}

/** Resolves when `from` is closed; does `cut` to `to` first, unless all of it has ended well. */
function pipe(from: Socket, to: Socket, cut: () => void): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      const endedWell = from.readableEnded && from.writableFinished;
      if (!endedWell) cut();
      resolve();
    };
    if (from.closed) return finish();
    from.once("close", finish);
    from.pipe(to);
  });
}
