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

/**
 * Has the other side reset the connection? A socket that is not read does not tell; but the kernel then knows no peer
 * of it any more (ENOTCONN), which the name that Node keeps does not show. A FIN is not seen so: it waits behind what is
 * unread.
 */
export function isPeerGone(socket: Socket): boolean {
  const handle = handleOf(socket);
  if (handle === undefined || !("getpeername" in handle)) return false;
  const { getpeername } = handle;
  return typeof getpeername === "function" && Number(getpeername.call(handle, {})) < 0;
}

function handleOf(socket: Socket): object | undefined {
  const handle = "_handle" in socket ? socket._handle : undefined;
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
