import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { isIpAddress, reverseNameOf } from "../base/ip-address.ts";
import { ownTlsDoor } from "../base/own-door.ts";
import { challengeFault } from "./challenge-certificate.ts";
import { type Problem, problemOf } from "./refusal.ts";
import type { Listener, Proof } from "./validate-http.ts";

/** RFC 8737 §6.2. */
const PROTOCOL = "acme-tls/1";

/**
 * TLS-ALPN-01 (RFC 8737 §3) at one listener: a handshake with the name as SNI and `acme-tls/1` as
 * the only protocol, closed as soon as the certificate is seen.
 *
 * @param signal Carries the deadline.
 * @returns What is wrong, or `undefined` when the name is proven. Never rejects.
 */
export async function validateTlsAlpn(
  listener: Listener,
  proof: Proof,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const socket = connect({
    ...ownTlsDoor(listener),
    servername: isIpAddress(proof.host) ? reverseNameOf(proof.host) : proof.host, // RFC 8738 §6
    ALPNProtocols: [PROTOCOL],
    minVersion: "TLSv1.2",
    // The certificate proves the name by what it says, not by who signed it (RFC 8737 §3).
    rejectUnauthorized: false,
  });
  let isConnected = false;
  socket.once("connect", () => {
    isConnected = true;
  });
  // Also for what may come after the handshake was judged.
  socket.on("error", () => {});
  try {
    await once(socket, "secureConnect", { signal });
    return judge(socket, proof);
  } catch {
    const at = `${proof.host} at port ${listener.port}`;
    if (signal.aborted) return problemOf("connection", `${at} made no handshake in time`);
    if (!isConnected) return problemOf("connection", `${at} could not be reached`);
    return problemOf("tls", `${at} refused the handshake for ${PROTOCOL}`);
  } finally {
    socket.destroy();
  }
}

function judge(socket: TLSSocket, proof: Proof): Problem | undefined {
  if (socket.alpnProtocol !== PROTOCOL) {
    return problemOf("tls", `${proof.host} did not agree to ${PROTOCOL}`);
  }
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return problemOf("tls", `${proof.host} showed no certificate`);
  const fault = challengeFault(certificate, proof);
  if (fault === undefined) return undefined;
  return problemOf("incorrectResponse", `The certificate of ${proof.host} ${fault}`);
}
