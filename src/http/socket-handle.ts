import type { Socket } from "node:net";
import { internalPlace } from "../base/internal-place.ts";
import { limits } from "../config/limits.ts";

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
 * Does much wait that TLS says by itself, beside what was written? It answers whoever asks for new keys (KeyUpdate, RFC
 * 8446 §4.6.3), as often as asked; where the other side takes nothing of it Node keeps it all, and tells nobody else.
 *
 * @param now As ticks count it: it is looked at in some of them alone.
 * @param written What of ours may wait at most, in bytes.
 */
export function hasUntakenAnswers(
  socket: Socket,
  now: number,
  written: number = socket.writableLength,
): boolean {
  if (now % limits.tlsAnswersLookMs !== 0) return false;
  const handle = handleOf(socket);
  if (handle === undefined || !("writeQueueSize" in handle)) return false;
  // Encrypted, what was written is longer by a fiftieth at most.
  return Number(handle.writeQueueSize) > 2 * written + limits.tlsAnswersMaxBytes;
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

/**
 * `socket` has just told of an end: was it a reset? A write over TLS that fails of one says nothing, and what is read then
 * looks like an end. After our own end nobody can tell: the kernel forgets who has ended well, too.
 *
 * @param carrier The TCP socket below `socket`, when that is TLS.
 */
export function isEndOfReset(socket: Socket, carrier: Socket = socket): boolean {
  return !socket.writableFinished && isPeerGone(carrier);
}

/**
 * Has what comes from now on read into `buffer`, again and again, as the option `onread` does, which Node does not take
 * for TLS on a socket that was there before: this sets what its constructor would have set. `filled` hears how many
 * bytes came; they may be written over when it returns. What was read before comes by `data` events, as all does where
 * Node keeps these things elsewhere (`false`). Measured: an upload takes a tenth to a fifth less CPU, since there is no
 * garbage of it; small requests and messages cost what they did.
 *
 * Nothing that `filled` does has it called again before it returns, with one exception: over TLS, a write of no bytes
 * reads on at once. So nobody may write nothing, or what `filled` looks at is written over: `ClientSocket` sees to
 * it, and an `Outlet` has none to write.
 */
export function readInto(
  socket: Socket,
  buffer: Buffer,
  filled: (length: number) => void,
): boolean {
  const handle = handleOf(socket);
  bufferPlace ??= internalPlace(socket, "kBuffer");
  filledPlace ??= internalPlace(socket, "kBufferCb");
  if (handle === undefined || !("useUserBuffer" in handle)) return false;
  const { useUserBuffer } = handle;
  if (typeof useUserBuffer !== "function" || !bufferPlace || !filledPlace) return false;
  Reflect.set(socket, bufferPlace, buffer);
  Reflect.set(socket, filledPlace, filled);
  useUserBuffer.call(handle, buffer);
  return true;
}

/** Where sockets keep what they read into, and who hears of it: the same in all of them. */
let bufferPlace: symbol | undefined;
let filledPlace: symbol | undefined;

function handleOf(socket: Socket): object | undefined {
  const handle = "_handle" in socket ? socket._handle : undefined;
  return typeof handle === "object" && handle !== null ? handle : undefined;
}
