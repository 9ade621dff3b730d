import net, { type Socket } from "node:net";
import { tcpOptions } from "../backend/dial.ts";
import type { BackendNames } from "../backend/names.ts";
import { connectionFailure } from "../base/connection-failure.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import type { TcpAddress } from "../config/destination.ts";

/**
 * Connects to a backend over TCP: name resolution and connection within `timeoutMs` together. The
 * socket belongs to the caller; it may be half open, and destroys itself on an error.
 *
 * @throws {LatchkeyError} `BACKEND_UNREACHABLE`, also when `signal` is aborted first.
 */
export function dial(
  address: TcpAddress,
  timeoutMs: number,
  signal: AbortSignal,
  names: BackendNames,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      settle();
      socket.destroy();
      names.doubt(address.host);
      reject(unreachableBackend(address, cause));
    };
    const leave = (): void => fail(signal.reason);
    const settle = (): void => {
      clearTimeout(deadline);
      signal.removeEventListener("abort", leave);
    };
    const deadline = setTimeout(() => fail(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    const socket = net.connect({
      ...tcpOptions(address, names),
      allowHalfOpen: true,
      noDelay: true,
    });
    // Stays: an error after the connection destroys the socket too, and the rejection then does nothing.
    socket.on("error", fail);
    socket.once("connect", () => {
      settle();
      resolve(socket);
    });
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}

function unreachableBackend({ host, port }: TcpAddress, cause: unknown): LatchkeyError {
  return new LatchkeyError(
    "BACKEND_UNREACHABLE",
    `Cannot connect to ${host}:${port}: ${connectionFailure(cause).words}`,
    { backend: `${host}:${port}`, reason: codeOf(cause) },
    { cause },
  );
}
