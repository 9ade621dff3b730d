import type { Socket } from "node:net";

/** A signal that is aborted when `socket` is closed: what is done for it need not go on. */
export function closeSignal(socket: Socket): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(new Error("the client left"));
  if (socket.destroyed) abort();
  else socket.once("close", abort);
  return controller.signal;
}

/** A signal, and what it costs until it is disposed of. */
export interface Leaving extends Disposable {
  readonly signal: AbortSignal;
}

/**
 * {@link closeSignal} for a client that waits with its bytes unread: aborted also when it ends its
 * side, which closes nothing while there is something to be read. To be disposed of before anybody
 * reads on; nothing is consumed unless the signal is aborted.
 */
export function watchLeaving(socket: Socket): Leaving {
  const controller = new AbortController();
  const leave = (): void => controller.abort(new Error("the client left"));
  const look = (): void => {
    // Asking for more than the buffer is made for would make the buffer larger.
    if (socket.readableLength >= socket.readableHighWaterMark) return;
    // More than there is: nothing comes of it, but at the end, where it gives the rest.
    if (socket.read(socket.readableLength + 1) !== null) leave();
  };
  if (socket.destroyed) leave();
  socket.on("close", leave).on("end", leave).on("readable", look);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      socket.off("close", leave).off("end", leave).off("readable", look);
    },
  };
}
