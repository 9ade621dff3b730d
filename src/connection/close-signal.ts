import type { Socket } from "node:net";

/** A signal that is aborted when `socket` is closed: what is done for it need not go on. */
export function closeSignal(socket: Socket): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("the client left"));
  if (socket.destroyed) abort();
  else socket.once("close", abort);
  return controller.signal;
}
