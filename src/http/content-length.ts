/** Above this a count of digits would not be a safe integer whatever the digits are. */
const SAFE_DIGITS = 15;
const LENGTH = /^(?:0|[1-9][0-9]{0,15})$/;

/**
 * The value of Content-Length (RFC 9110 §8.6), strictly: digits, without a sign, a list or leading zeros.
 * `undefined`: it is something else; beyond `Number.MAX_SAFE_INTEGER` it is as inexact as JavaScript is.
 */
export function readContentLength(value: string): number | undefined {
  if (value.length > SAFE_DIGITS) return LENGTH.test(value) ? Number(value) : undefined;
  let length = 0;
  for (let at = 0; at < value.length; at += 1) {
    const digit = value.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return undefined;
    length = length * 10 + digit;
  }
  const hasLeadingZero = value.length > 1 && value.charCodeAt(0) === 48;
  return value === "" || hasLeadingZero ? undefined : length;
}
