/**
 * Where Node keeps something of its own in objects of this kind: the symbol with this description; `undefined` where it
 * has none. It is the same in all of them, so look once.
 */
export function internalPlace(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}
