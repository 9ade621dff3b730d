import { unreachable } from "../base/errors.ts";
import { quoted } from "./finding.ts";
import type { HttpSight, TlsSight } from "./sights.ts";

/** `another server (nginx) answers with status 404` */
export function describeHttp(sight: HttpSight): string {
  switch (sight.kind) {
    case "ours":
      return sight.redirects === 0
        ? "Latchkey answers"
        : `Latchkey answers, after ${sight.redirects} redirects`;
    case "other": {
      const who = sight.server === undefined ? "" : ` (${quoted(sight.server)})`;
      return `another server${who} answers with status ${sight.status} for ${quoted(sight.url)}`;
    }
    case "loop":
      return `redirects lead in a circle, by ${quoted(sight.url)}`;
    case "led-nowhere":
      return `a redirect leads to ${quoted(sight.url)}, where ${reasonOf(sight.code)}`;
    case "led-away":
      return `a redirect leads to ${quoted(sight.url)}, where no CA follows`;
    case "closed":
      return reasonOf(sight.code);
    default:
      return unreachable(sight);
  }
}

/** `another certificate is shown, for …` */
export function describeTls(sight: TlsSight): string {
  switch (sight.kind) {
    case "ours":
      return "Latchkey answers";
    case "clients-only":
      return "Latchkey answers clients, but not acme-tls/1";
    case "other":
      return `another certificate is shown, of ${quoted(sight.subject)} by ${quoted(sight.issuer)}`;
    case "refused":
      return `a server that shows no certificate for it (${sight.code})`;
    case "closed":
      return reasonOf(sight.code);
    default:
      return unreachable(sight);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection is refused",
  ECONNRESET: "the connection is cut off",
  ETIMEDOUT: "no answer in time",
  EHOSTUNREACH: "there is no way there",
  ENETUNREACH: "there is no way there",
};

function reasonOf(code: string): string {
  const reason = REASONS[code];
  return reason === undefined ? `no answer (${code})` : `${reason} (${code})`;
}
