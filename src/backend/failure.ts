import { type ConnectionFailure, connectionFailure } from "../base/connection-failure.ts";

/** The setting that helps, where one is known to. */
const ADVICE: Readonly<Partial<Record<ConnectionFailure["kind"], string>>> = {
  "unknown-issuer": "put its CA into backend.ca",
  "other-name": "set backend.serverName to the name in it",
  "no-tls": "is it http://?",
  "certificate-wanted": "set backend.certificate",
  "certificate-refused": "look at backend.certificate",
};

/** Why a backend failed, for operators; what is no error is a connection that was closed without a word. */
export function failureOf(cause: Error | undefined): string {
  if (cause === undefined) return "it closed the connection";
  const { kind, words } = connectionFailure(cause);
  const advice = ADVICE[kind];
  return advice === undefined ? words : `${words}: ${advice}`;
}
