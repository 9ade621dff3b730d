import { connect } from "node:tls";
import { serialOf } from "../base/credential.ts";
import type { Hostname } from "../base/hostname.ts";
import type { Reach } from "../process/messages.ts";

/** Looking at ourselves takes milliseconds; longer means that we do not answer. */
const LOOK_TIMEOUT_MS = 3_000;

/**
 * Connects to this program as a client of `host` would and returns the serial of the certificate it
 * gets; `undefined` when there is none. Nothing is verified: the serial is the question.
 */
export function lookAtServed(
  reach: Reach | undefined,
  host: Hostname,
): Promise<string | undefined> {
  if (reach === undefined) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    host: reach.host,
    port: reach.port,
    servername: host,
    rejectUnauthorized: false,
    timeout: LOOK_TIMEOUT_MS,
  });
  const finish = (serial: string | undefined) => {
    resolve(serial);
    socket.end(); // not destroyed: the other end's handshake may still wait for our last words
  };
  socket.on("secureConnect", () => {
    const certificate = socket.getPeerX509Certificate();
    finish(certificate === undefined ? undefined : serialOf(certificate));
  });
  socket.on("timeout", () => socket.destroy());
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  return promise;
}
