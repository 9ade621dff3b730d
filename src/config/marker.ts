import type { Action } from "./destination.ts";
import { rulesOf } from "./rules-of.ts";

/** The files whose presence is maintenance, for whoever does this. */
export function markersOf(action: Action): readonly string[] {
  return rulesOf(action).flatMap((rules) => rules?.maintenance?.marker ?? []);
}
