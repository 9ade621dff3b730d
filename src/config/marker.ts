import type { Action } from "./destination.ts";

/** The files whose presence is maintenance, for whoever does this. */
export function markersOf(action: Action): readonly string[] {
  return rulesOf(action).flatMap((rules) => rules?.maintenance?.marker ?? []);
}

function rulesOf(action: Action) {
  if (action.kind === "forward") return action.paths.map(({ rules }) => rules);
  return action.kind === "redirect" || action.kind === "respond" ? [action.rules] : [];
}
