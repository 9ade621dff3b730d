import type { OutgoingHttpHeaders } from "node:http2";
import { CONNECTION_SPECIFIC } from "./connection-specific.ts";
import { Fields, scanFields } from "./fields.ts";

/** RFC 9113 §8.2.2: fields that speak of a connection which HTTP/2 does not have; Host is `:authority`. */
const LEFT_OUT: ReadonlySet<string> = new Set([...CONNECTION_SPECIFIC, "http2-settings", "host"]);

const TUNNEL = { ":method": "CONNECT", ":protocol": "websocket" } as const;

/**
 * The fields of the HTTP/2 request that means the same as `head`, the head of an HTTP/1.1 request which we
 * wrote ourselves. Fields that come more than once are combined (RFC 9110 §5.3): Node takes no second line
 * of those that should be one. `isTunnel`: it is the handshake of a WebSocket, which HTTP/2 asks for by
 * extended CONNECT (RFC 8441 §5).
 */
export function writeStreamHead(
  head: string,
  scheme: "http" | "https",
  isTunnel: boolean,
): OutgoingHttpHeaders {
  const lineEnd = head.indexOf("\r\n");
  const [method = "", target = ""] = head.slice(0, lineEnd).split(" ");
  const fields = scanned(head, lineEnd + 2);
  return {
    ...(isTunnel ? TUNNEL : { ":method": method }),
    ":scheme": scheme,
    ":authority": fields.value(fields.names.indexOf("host")),
    ":path": target,
    ...streamFields(fields, isTunnel),
  };
}

/** The trailer fields of a request: `lines` as they stand in HTTP/1.1, each with its CRLF. */
export function writeStreamTrailers(lines: string): OutgoingHttpHeaders {
  return streamFields(scanned(`${lines}\r\n`, 0), false);
}

function scanned(text: string, start: number): Fields {
  const fields = new Fields(text);
  scanFields(text, start, fields, Number.POSITIVE_INFINITY);
  return fields;
}

function streamFields(fields: Fields, isTunnel: boolean): Record<string, string> {
  const written = new Map<string, string>();
  for (let index = 0; index < fields.count; index += 1) {
    const name = fields.nameText(index).toLowerCase();
    const value = fields.value(index);
    if (isTunnel && name === "sec-websocket-key") continue; // there is nothing to prove
    if (LEFT_OUT.has(name) || (name === "te" && value !== "trailers")) continue;
    const before = written.get(name);
    const joint = name === "cookie" ? "; " : ", ";
    // An empty line adds nothing to a list (RFC 9110 §5.6.1), and a space at either end of a value is malformed.
    if (!before) written.set(name, value);
    else if (value !== "") written.set(name, `${before}${joint}${value}`);
  }
  return Object.fromEntries(written);
}
