import type { Socket } from "node:net";

type Done = (error?: Error | null) => void;

/**
 * Lets `socket` be read to its end after the other side has closed over bytes that it did not read.
 * Such a close is a reset: the next write fails, and Node would destroy the socket with it, and with
 * the socket what the backend said before (often a 413 to an upload that still goes on). From that
 * write on, writes are never called back; when all is read, or cannot be, the socket is destroyed
 * with the error of the write, in the `end` event and before its other listeners.
 */
export function keepLastWords(socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  // One write is under way at a time (Node's contract of `_write`), so one place is enough.
  let done: Done | undefined;
  const settle: Done = (error) => {
    if (isReset(error)) socket.prependOnceListener("end", () => socket.destroy(error));
    else done?.(error);
  };
  socket._write = (chunk, encoding, callback) => {
    done = callback;
    write(chunk, encoding, settle);
  };
  if (writev === undefined) return;
  socket._writev = (chunks, callback) => {
    done = callback;
    writev(chunks, settle);
  };
}

function isReset(error: NodeJS.ErrnoException | null | undefined): error is Error {
  return error?.code === "EPIPE" || error?.code === "ECONNRESET";
}
