import type { Socket } from "node:net";
import { endWith } from "./linger.ts";

/** The fatal alerts we send before TLS exists, by their names in RFC 8446 §6.2. */
export type Alert =
  | "decode_error"
  | "internal_error"
  | "unrecognized_name"
  | "no_application_protocol";

const DESCRIPTIONS: Readonly<Record<Alert, number>> = {
  decode_error: 50,
  internal_error: 80,
  unrecognized_name: 112,
  no_application_protocol: 120,
};

/** RFC 8446 §6.2: the level of an alert that closes the connection. */
const FATAL = 2;

/** One alert in a plaintext record (RFC 8446 §5.1, §6), readable by every version of TLS. */
export function alertRecord(alert: Alert): Buffer {
  return Buffer.of(0x15, 0x03, 0x03, 0x00, 0x02, FATAL, DESCRIPTIONS[alert]);
}

/**
 * Sends a fatal alert on a raw socket and closes it so that the client can read why. Takes the
 * socket over; resolves when it is closed.
 */
export function refuse(socket: Socket, alert: Alert): Promise<void> {
  return endWith(socket, alertRecord(alert));
}
