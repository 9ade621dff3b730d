import { readFileSync } from "node:fs";
import { type IncomingHttpHeaders, type RequestOptions, request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import { text } from "node:stream/consumers";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { serialOf } from "../../src/base/credential.ts";
import type { Latchkey } from "./latchkey.ts";
import { RawClient } from "./raw-client.ts";

/** What a visitor reads. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** How a handshake ended: with the serial of a certificate, or with the number of a fatal alert. */
export type Handshake = { readonly serial: string } | { readonly alert: number };

/** As of `tls.connect`, whose types forget the address to connect from. */
export type DoorOptions = ConnectionOptions & { readonly localAddress?: string };

/**
 * A TLS connection to the running program under the name `host`, its handshake done. Unless `options`
 * say otherwise, the root of its internal authority is the one that is trusted.
 */
export async function openTls(
  latchkey: Latchkey,
  host: string,
  options: DoorOptions = {},
): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ ...doorOf(latchkey, host, options), ...options });
  socket.once("secureConnect", resolve).on("error", reject).once("close", reject);
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error ?? new Error("closed in the handshake");
  }
}

/** As {@link openTls}, for raw requests and every byte of their answers; may be half open. */
export async function openRaw(
  latchkey: Latchkey,
  host: string,
  options: DoorOptions = {},
): Promise<RawClient> {
  const socket = await openTls(latchkey, host, options);
  socket.allowHalfOpen = true;
  return new RawClient(socket);
}

/** One handshake under the name `host`; rejects when it ends neither way, or does not verify. */
export async function shakeHands(
  latchkey: Latchkey,
  host: string,
  options: DoorOptions = {},
): Promise<Handshake> {
  try {
    const socket = await openTls(latchkey, host, options);
    const serial = serialSeen(socket);
    socket.destroy();
    return { serial };
  } catch (error) {
    const number = error instanceof Error && /SSL alert number (\d+)/.exec(error.message)?.[1];
    if (!number) throw error;
    return { alert: Number(number) };
  }
}

/** The serial of the certificate that the other side showed. */
export function serialSeen(socket: TLSSocket): string {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Error("No certificate was shown");
  return serialOf(certificate);
}

/** One request on a connection of its own, with its answer; rejects when that breaks off. */
export function visit(
  latchkey: Latchkey,
  host: string,
  options: RequestOptions & DoorOptions & { readonly body?: string } = {},
): Promise<Answer> {
  const door = doorOf(latchkey, host, options);
  return answerTo(requestTls, { ...door, agent: false, ...options }, host);
}

/** One request to the port for plain HTTP. */
export function visitPlainly(
  latchkey: Latchkey,
  host: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const door = { host: "127.0.0.1", port: latchkey.httpPort, agent: false };
  return answerTo(requestPlain, { ...door, ...options }, host);
}

function doorOf(latchkey: Latchkey, host: string, options: DoorOptions) {
  const ca = options.ca ?? readFileSync(latchkey.root);
  return { host: "127.0.0.1", port: latchkey.httpsPort, servername: host, ca };
}

async function answerTo(
  request: typeof requestTls,
  { headers, body, ...options }: RequestOptions & { readonly body?: string },
  host: string,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request({ ...options, headers: { Host: host, ...headers } });
  sent.on("error", reject);
  sent.on("response", (response) => {
    const { statusCode: status = 0, headers: fields } = response;
    text(response).then((body) => resolve({ status, headers: fields, text: body }), reject);
  });
  sent.end(body);
  return await promise;
}
