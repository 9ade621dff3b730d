import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * Asks a name server one thing over TCP (RFC 7766 §8): two bytes of length, then the message. The
 * connection is closed in every outcome; rejects with what went wrong with it, or the signal's reason.
 *
 * @param server `address:port`, IPv6 in brackets.
 */
export async function exchange(
  server: string,
  message: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  signal.throwIfAborted();
  const { hostname, port } = new URL(`tcp://${server}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port), signal });
  try {
    await once(socket, "connect", { signal });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
    return await readOne(socket);
  } catch (error) {
    signal.throwIfAborted(); // the stream says only that it was aborted
    throw error;
  } finally {
    socket.destroy();
  }
}

/** One message; at most 65,535 bytes, which its length can say. */
async function readOne(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    const piece: Buffer = chunk;
    bytes = Buffer.concat([bytes, piece]);
    if (bytes.length < 2) continue;
    const end = 2 + bytes.readUInt16BE(0);
    if (bytes.length >= end) return bytes.subarray(2, end);
  }
  throw new Error("it closed the connection before its answer was whole");
}
