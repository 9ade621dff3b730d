import type { Socket } from "node:net";
import type { Facts } from "../base/errors.ts";
import { unreachable } from "../base/errors.ts";
import { type Alert, refuse } from "./alert.ts";
import { endWith } from "./linger.ts";

/** Why a connection was not served, for log lines and tests. */
export type RefusalCode =
  | "HELLO_MALFORMED"
  | "HELLO_TIMED_OUT"
  | "CLIENT_LEFT"
  /** A load balancer of `listen.proxyProtocol` sent no PROXY header, or a broken one. */
  | "PROXY_HEADER_MALFORMED"
  | "PLAIN_HTTP"
  /** No name in the hello, an IP address, or not a host name. */
  | "NAME_UNUSABLE"
  /** A name that no host entry answers to. */
  | "HOST_UNKNOWN"
  /** A name that is certified for another program. */
  | "HOST_CERTIFICATE_ONLY"
  /** A name that on-demand policy does not allow. */
  | "HOST_REFUSED"
  /** A client that has brought too many new names: nobody looked whether policy allows this one. */
  | "CLIENT_OVER_BUDGET"
  /** A client that has too many connections open. */
  | "CLIENT_OVER_CONNECTIONS"
  /** A passed-through connection that comes here again and again: its backend leads here. */
  | "ROUTE_LOOPS"
  /** More TLS handshakes are under way than one worker performs at once. */
  | "TOO_MANY_HANDSHAKES"
  /** A validator of a CA came for a challenge that is not live. */
  | "CHALLENGE_UNKNOWN"
  | "CERTIFICATE_UNAVAILABLE";

/** How a refused client is told: an alert, an HTTP answer for who speaks HTTP, or not at all. */
export type Farewell = Alert | "plain-http" | "silence";

/** A connection that is not served, as CONTRACT-visible farewell and as facts for the log. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: RefusalCode;
  readonly farewell: Farewell;
  readonly facts: Facts;

  constructor(farewell: Farewell, code: RefusalCode, facts: Facts = {}, options?: ErrorOptions) {
    super(`Cannot serve the connection: ${code}`, options);
    this.farewell = farewell;
    this.code = code;
    this.facts = facts;
  }
}

/** RFC 9112 §9.6: a last answer. */
const PLAIN_HTTP_TEXT = "This port speaks HTTPS: use a URL that starts with https://\n";
const PLAIN_HTTP_ANSWER = [
  "HTTP/1.1 400 Bad Request",
  "Content-Type: text/plain; charset=utf-8",
  `Content-Length: ${PLAIN_HTTP_TEXT.length}`,
  "Connection: close",
  "",
  PLAIN_HTTP_TEXT,
].join("\r\n");

/** Says farewell on a raw socket. Takes it over; resolves when it is closed. */
export async function sayFarewell(socket: Socket, farewell: Farewell): Promise<void> {
  switch (farewell) {
    case "silence":
      socket.destroy();
      return;
    case "plain-http":
      return endWith(socket, PLAIN_HTTP_ANSWER);
    case "decode_error":
    case "internal_error":
    case "unrecognized_name":
    case "no_application_protocol":
      return refuse(socket, farewell);
    default:
      return unreachable(farewell);
  }
}
