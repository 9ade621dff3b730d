import type { Socket } from "node:net";

/**
 * Bytes that the kernel has taken from a socket. Node counts a write when it begins, and one write of nghttp2 may be
 * megabytes: what is left of it only the socket's handle tells, where Node's own timeouts look too.
 */
export function takenFrom(socket: Socket): number {
  const handle = handleOf(socket);
  const isOpen = handle !== undefined && "writeQueueSize" in handle;
  return socket.bytesWritten - (isOpen ? Number(handle.writeQueueSize) : 0);
}

function handleOf(socket: Socket): object | undefined {
  const handle = "_handle" in socket ? socket._handle : undefined;
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
