import type { Action } from "./destination.ts";
import type { Rules } from "./rules.ts";

/** The rules of a host, by path or for all of it; `undefined` for each path that has none. */
export function rulesOf(action: Action): readonly (Rules | undefined)[] {
  if (action.kind === "forward") return action.paths.map(({ rules }) => rules);
  return action.kind === "redirect" || action.kind === "respond" ? [action.rules] : [];
}
