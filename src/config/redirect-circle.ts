import type { Host } from "./config.ts";
import { formatPattern } from "./host-pattern.ts";
import { expectedHttpsPort, type Settings } from "./settings.ts";
import type { Desk } from "./surroundings.ts";

/** A longer way is told by its beginning. */
const SHOWN_MAX = 5;

/** What is told of: the hosts, and the key of the entry that each stands in, by `formatPattern`. */
interface Told {
  readonly hosts: readonly Host[];
  readonly keys: ReadonlyMap<string, string>;
}

/**
 * Warns of hosts whose redirects lead from one to the next and back: a browser goes round and gives up. Each circle is told
 * once, where it is entered first; a host that redirects to itself is a fault and told elsewhere.
 */
export function warnOfCircles({ hosts, keys }: Told, { listen }: Settings, desk: Desk): void {
  const ports = [undefined, expectedHttpsPort(listen)];
  const next = new Map(hosts.flatMap((host) => stepOf(host, ports)));
  const seen = new Set<string>();
  for (const start of next.keys()) {
    const way: string[] = [];
    let at: string | undefined = start;
    while (at !== undefined && !seen.has(at)) {
      seen.add(at);
      way.push(at);
      at = next.get(at);
    }
    const circle = at === undefined || !way.includes(at) ? [] : way.slice(way.indexOf(at));
    const [first] = circle;
    if (first === undefined || circle.length === 1) continue;
    const shown = circle.length > SHOWN_MAX ? [...circle.slice(0, SHOWN_MAX), "…"] : circle;
    const message = `leads in a circle (${[...shown, first].join(" → ")}), wanted a host that answers at its end`;
    desk.warn(["hosts", keys.get(first) ?? first, "redirect"], message);
  }
}

/** From a host to the one that all of its requests are sent on to. */
function stepOf(
  { pattern, action }: Host,
  ports: readonly (number | undefined)[],
): readonly (readonly [string, string])[] {
  if (action.kind !== "redirect" || action.host === undefined) return [];
  return ports.includes(action.port) ? [[formatPattern(pattern), action.host]] : [];
}
