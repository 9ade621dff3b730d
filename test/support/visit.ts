import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { connect, type TLSSocket } from "node:tls";
import { serialOf } from "../../src/base/credential.ts";
import { alertOf, sClient } from "./s-client.ts";

/** What a browser sees of a site. */
export interface Page {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
  /** Serial of the certificate, as `latchkey certs` writes it. */
  readonly serial: string;
}

/** One request on a connection of its own; rejects when the certificate is not of `root` for `host`. */
export async function browse(port: number, host: string, root: string): Promise<Page> {
  const options = { host: "127.0.0.1", port, servername: host, ca: root, agent: false } as const;
  const asked = request({ ...options, headers: { host }, path: "/" });
  const responded = once(asked.end(), "response");
  const [response] = await responded;
  const serial = serialOn(response.socket);
  const body = await text(response);
  return { status: response.statusCode, location: response.headers.location, body, serial };
}

/** One handshake, verified against `root`; the certificate that it brought. */
export async function handshake(
  port: number,
  host: string,
  root: string,
): Promise<{ readonly serial: string; readonly certificate: X509Certificate }> {
  const socket = connect({ host: "127.0.0.1", port, servername: host, ca: root });
  socket.on("error", () => {
    // Rejects the wait below; after it, nobody cares.
  });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  try {
    await once(socket, "secureConnect");
    return { serial: serialOn(socket), certificate: certificateOn(socket) };
  } finally {
    socket.resume().end(); // not destroyed: the server may still read our side of the handshake
    await closed;
  }
}

/** The alert that ends a handshake for `host`, and how long that took; `undefined` when none does. */
export async function refusal(
  port: number,
  host: string,
): Promise<{ readonly alert: number | undefined; readonly durationMs: number }> {
  const startedAt = performance.now();
  const alert = alertOf(await sClient(port, "-servername", host));
  return { alert, durationMs: performance.now() - startedAt };
}

function certificateOn(socket: TLSSocket): X509Certificate {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Error("No certificate came");
  return new X509Certificate(certificate.raw);
}

function serialOn(socket: TLSSocket): string {
  return serialOf(certificateOn(socket));
}
