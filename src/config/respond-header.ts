import { type Reading, read, wrong } from "./reading.ts";

/** Fields that frame a message or belong to one connection: the relay's own (RFC 9110 §7.6.1, RFC 9112 §6). */
const FRAMING: readonly string[] = [
  "connection",
  "content-length",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 §5.5: visible ASCII, space and tab inside; what is beyond has no agreed meaning. */
const VALUE = /^(?:[!-~](?:[\t -~]*[!-~])?)?$/;

/** The name of a header field that `respond` may send. */
export function readHeaderName(name: string): Reading<string> {
  if (!TOKEN.test(name))
    return wrong("is not the name of a header, wanted one such as Retry-After");
  return FRAMING.includes(name.toLowerCase())
    ? wrong("frames the message, which is not for a configuration to say: remove it")
    : read(name);
}

/** The value of a header field: one line without space at its ends. */
export function readHeaderValue(value: string): Reading<string> {
  return VALUE.test(value)
    ? read(value)
    : wrong("is not the value of a header, wanted one line of ASCII without space at its ends");
}

/** Does an answer of this status never have a body (RFC 9110 §15.3.5, §15.3.6, §15.4.5)? */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
