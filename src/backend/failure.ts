import { type ConnectionFailure, connectionFailure } from "../base/connection-failure.ts";

/** The setting that helps, where one is known to. */
const ADVICE: Readonly<Partial<Record<ConnectionFailure["kind"], string>>> = {
  "unknown-issuer": "put its CA into backend.ca",
  "other-name": "set backend.serverName to the name in it",
  "no-tls": "is it http://?",
  "certificate-wanted": "set backend.certificate",
  "certificate-refused": "look at backend.certificate",
};

/** Why a backend failed, for operators; `silent`: what is said of it without an error. */
export function failureOf(cause: Error | undefined, silent: string): string {
  if (cause === undefined) return silent;
  const { kind, words } = connectionFailure(cause);
  const advice = ADVICE[kind];
  return advice === undefined ? words : `${words}: ${advice}`;
}
