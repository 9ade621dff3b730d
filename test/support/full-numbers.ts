/**
 * How often, or how long, a test does what it shows: `short` in every run, `full`, which takes minutes, with
 * `LATCHKEY_FULL_NUMBERS=1` in the environment (see CONTRIBUTING.md).
 */
export function amount(short: number, full: number): number {
  return process.env["LATCHKEY_FULL_NUMBERS"] === "1" ? full : short;
}
