import { connect } from "node:tls";
import { type CertificateName, isWildcardName, provenHost } from "../base/certificate-name.ts";
import { serialOf } from "../base/credential.ts";
import { type Hostname, parsePlain } from "../base/hostname.ts";
import type { Reach } from "../process/messages.ts";

/** Looking at ourselves takes milliseconds; longer means that we do not answer. */
const LOOK_TIMEOUT_MS = 3_000;
/** The first label of the name that a wildcard is looked at by: a host that nobody lists. */
const VISITOR_LABEL = "latchkey-look";

/**
 * Connects to this program as a client of `name`, or of a host below its wildcard, would and returns
 * the serial of the certificate it gets; `undefined` when there is none. Nothing is verified: the serial is the question.
 */
export function lookAtServed(
  reach: Reach | undefined,
  name: CertificateName,
): Promise<string | undefined> {
  const visited = visitedHost(name);
  if (reach === undefined || visited === undefined) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    host: reach.host,
    port: reach.port,
    servername: visited,
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

/** A host that the certificate is shown to; `undefined` when the name has no room for another label. */
function visitedHost(name: CertificateName): Hostname | undefined {
  return isWildcardName(name) ? parsePlain(`${VISITOR_LABEL}.${provenHost(name)}`) : name;
}
