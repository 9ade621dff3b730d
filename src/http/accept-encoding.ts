import type { Coding } from "../config/compress.ts";

/** What a client says about one coding: how much it likes it, 0 to 1000 thousandths; 0 is not at all. */
type Weights = ReadonlyMap<string, number>;

/** RFC 9110 §12.5.3 and §12.4.2: codings, `identity` or `*`, each with a weight of at most three decimals. */
const ENTRY =
  /^[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*$/;
const FULL = 1_000;

/**
 * The coding for a client among `codings`, the one we like best first: what the client likes best, and
 * of several the first. `undefined`: none, for it takes none of them, likes the plain content better, or
 * says nothing or something that is malformed.
 *
 * @param value All its Accept-Encoding fields, joined by commas; `undefined`: it has none.
 */
export function negotiate(
  value: string | undefined,
  codings: readonly Coding[],
): Coding | undefined {
  const weights = value === undefined ? undefined : readWeights(value);
  if (weights === undefined) return undefined;
  const any = weights.get("*") ?? 0;
  let best: Coding | undefined;
  // Unless it is named, the plain content is what remains when nothing else is wanted.
  let bestWeight = Math.max(1, weights.get("identity") ?? 0) - 1;
  for (const coding of codings) {
    const weight = weightOf(coding, weights) ?? any;
    if (weight <= bestWeight) continue;
    best = coding;
    bestWeight = weight;
  }
  return best;
}

/** RFC 9110 §8.4.1.3: x-gzip is gzip. */
function weightOf(coding: Coding, weights: Weights): number | undefined {
  return weights.get(coding) ?? (coding === "gzip" ? weights.get("x-gzip") : undefined);
}

function readWeights(value: string): Weights | undefined {
  const weights = new Map<string, number>();
  for (const part of value.split(",")) {
    if (/^[ \t]*$/.test(part)) continue; // RFC 9110 §5.6.1.2: empty elements are ignored
    const [, name, weight = "1"] = ENTRY.exec(part) ?? [];
    if (name === undefined) return undefined;
    weights.set(name.toLowerCase(), Math.round(Number(weight) * FULL));
  }
  return weights;
}
