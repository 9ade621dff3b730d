import type { Socket } from "node:net";

/**
 * Node keeps what comes for TLS in a first buffer of 1,024 bytes, or of as many as the first piece has. Once that is full, it
 * makes one of 16 KiB, which stays as long as the connection; a ClientHello of today's clients (1.5 to 2 KiB), given in one
 * piece, fills it. In pieces that leave a byte free, a connection whose requests are small takes 10 KiB less
 * (`npm run bench -- --only idle`), and one whose requests are not reads once more.
 */
const PIECE_BYTES = 1_023;

/** Gives back what was read, to be read again in pieces by whoever has the socket next: with `socket` paused. */
export function giveBack(socket: Socket, bytes: Buffer): void {
  for (let end = bytes.length; end > 0; end -= PIECE_BYTES) {
    socket.unshift(bytes.subarray(Math.max(0, end - PIECE_BYTES), end));
  }
}
