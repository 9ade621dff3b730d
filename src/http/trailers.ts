import type { Rules } from "../config/rules.ts";
import type { Admitted } from "./admit.ts";
import type { Fields } from "./fields.ts";
import type { HeadEdits } from "./policy.ts";

/** Fields that say how a message is framed, routed, trusted or understood: no trailer may add them. */
const NOT_IN_TRAILERS =
  /^(?:authorization|proxy-.*|www-authenticate|authentication-info|cookie|set-cookie|content-(?:encoding|type|range|location)|cache-control|expires|date|age|vary|location|retry-after|pragma|range|if-.*|max-forwards|trailer|x-forwarded-.*|x-real-ip)$/;

/**
 * The trailer fields that a backend gets, as lines (RFC 9110 §6.5.1): none that the head could not have had. Connection
 * names fields of both (§7.6.1), and what `edits` take off the head or set there, a trailer does not say after all.
 */
export function requestTrailers(
  trailers: Fields | undefined,
  request: Admitted | undefined,
  edits: HeadEdits | undefined,
): string {
  if (trailers === undefined) return "";
  return keptLines(trailers, [...(request?.named ?? []), ...(edits?.removed ?? [])]);
}

/** The trailer fields that a client gets, as lines, by the same rule. `named`: by Connection of the answer. */
export function answerTrailers(
  trailers: Fields | undefined,
  named: readonly string[],
  rules: Rules | undefined,
): string {
  if (trailers === undefined) return "";
  const { removed = [], defaults = [] } = rules?.response ?? {};
  return keptLines(trailers, [
    ...named,
    ...removed,
    ...defaults.map(([name]) => name.toLowerCase()),
  ]);
}

function keptLines(trailers: Fields, withheld: readonly string[]): string {
  let lines = "";
  for (let index = 0; index < trailers.count; index += 1) {
    const name = trailers.nameText(index).toLowerCase();
    if (trailers.names[index] !== "other" || NOT_IN_TRAILERS.test(name) || withheld.includes(name))
      continue;
    lines += trailers.text.slice(trailers.lineStart(index), trailers.lineStart(index + 1));
  }
  return lines;
}
