import type { Socket } from "node:net";
import { limits } from "../config/limits.ts";

/**
 * Sends `lastWords`, ends our side, and stays just long enough for the client to read them: closing
 * a socket that holds unread bytes resets it, and a reset destroys what is on its way (RFC 9112
 * §9.6). What the client still sends is thrown away, up to `limits.lingerMaxBytes` and
 * `limits.lingerTimeoutMs`. Takes the socket over and destroys it in every case; resolves when it
 * is closed.
 */
export function endWith(socket: Socket, lastWords: string | Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    let dropped = 0;
    const deadline = setTimeout(() => socket.destroy(), limits.lingerTimeoutMs);
    socket.once("close", () => {
      clearTimeout(deadline);
      resolve();
    });
    socket.once("end", () => socket.destroySoon());
    socket.on("data", (chunk: Buffer) => {
      dropped += chunk.length;
      if (dropped > limits.lingerMaxBytes) socket.destroy();
    });
    socket.end(lastWords);
    socket.resume();
  });
}
