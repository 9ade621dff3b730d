import { type ConnectionFailure, connectionFailure } from "../base/connection-failure.ts";
import type { BackendFailure } from "../base/counts.ts";
import { codeOf } from "../base/errors.ts";

/** The setting that helps, where one is known to. */
const ADVICE: Readonly<Partial<Record<ConnectionFailure["kind"], string>>> = {
  "unknown-issuer": "put its CA into backend.ca",
  "other-name": "set backend.serverName to the name in it",
  "no-tls": "is it http://?",
  "certificate-wanted": "set backend.certificate",
  "certificate-refused": "look at backend.certificate",
};

/** No way to its address, or to its name. */
const UNREACHABLE = /^(?:EHOST|ENET|EADDRNOTAVAIL|ENOTFOUND|ENODATA|ESERVFAIL|EAI_|ENOENT|EACCES)/;
const TLS = /^(?:EPROTO|ERR_SSL_|ERR_TLS_)/;

/** Why no connection to a backend was made, for who counts; without an error it has closed it. */
export function failureKind(cause: Error | undefined): BackendFailure {
  if (cause === undefined) return "closed";
  const code = codeOf(cause) ?? "";
  if (code === "ECONNREFUSED") return "refused";
  if (UNREACHABLE.test(code)) return "unreachable";
  return TLS.test(code) || connectionFailure(cause).kind !== "other" ? "tls" : "closed";
}

/** Why a backend failed, for operators; `silent`: what is said of it without an error. */
export function failureOf(cause: Error | undefined, silent: string): string {
  if (cause === undefined) return silent;
  const { kind, words } = connectionFailure(cause);
  const advice = ADVICE[kind];
  return advice === undefined ? words : `${words}: ${advice}`;
}
