/** Delta-seconds of RFC 9110 §10.2.3; more digits than these a number does not hold exactly. */
const SECONDS = /^[0-9]{1,12}$/;
/** IMF-fixdate of RFC 9110 §5.6.7, the one form that senders may still make. */
const IMF_FIXDATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

/**
 * The wait that a Retry-After field asks for, in milliseconds from `now`, never negative:
 * delta-seconds or an HTTP-date. `undefined` when it is absent or neither. Not clamped: a CA may
 * say a week, and the caller decides what it believes.
 *
 * @param now Milliseconds since the epoch.
 */
export function parseRetryAfter(field: string | undefined, now: number): number | undefined {
  const text = field?.trim() ?? "";
  if (SECONDS.test(text)) return Number(text) * 1_000;
  if (!IMF_FIXDATE.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
