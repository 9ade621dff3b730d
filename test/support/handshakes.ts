import { once } from "node:events";
import { connect, createSecureContext } from "node:tls";

/** One for all, and a curve that costs little: of so many handshakes most of the time would be the client's. */
const secureContext = createSecureContext({ ecdhCurve: "X25519" });

/** One new TLS connection; resolves with the serial of the certificate, rejects when it fails. */
export async function handshake(port: number, servername: string): Promise<string> {
  const options = { host: "127.0.0.1", port, servername, secureContext } as const;
  const socket = connect({ ...options, rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()?.serialNumber ?? "none";
  } finally {
    socket.destroy();
  }
}

/** `count` connections, 20 at a time; how many failed. */
export async function failures(port: number, servername: string, count: number): Promise<number> {
  let failed = 0;
  let left = count;
  const visitor = async () => {
    while (left > 0) {
      left -= 1;
      await handshake(port, servername).catch(() => {
        failed += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: 20 }, visitor));
  return failed;
}
