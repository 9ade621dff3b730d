import { parentOf, parseHostname } from "../base/hostname.ts";
import type { HostPattern } from "./config.ts";
import type { Path } from "./faults.ts";
import type { Settings } from "./settings.ts";
import type { Desk } from "./surroundings.ts";

/** One entry of `hosts` among everything else, as the rules about it see it. */
export interface HostPlace {
  /** Of the entry: `["hosts", "a, b"]`. */
  readonly path: Path;
  /** Those of its hosts that could be read. */
  readonly patterns: readonly HostPattern[];
  readonly settings: Settings;
  /** Every host of the file, as `formatPattern` spells it, and the key it stands in. */
  readonly known: ReadonlyMap<string, string>;
  /** The keys of the entry that have faults, which are reported. */
  readonly faulty: ReadonlySet<string>;
  readonly desk: Desk;
}

/** Do we serve this name: exactly, or under a wildcard? */
export function isOurs(name: string, known: ReadonlyMap<string, string>): boolean {
  const host = parseHostname(name);
  const parent = host === undefined ? undefined : parentOf(host);
  return known.has(name) || (parent !== undefined && known.has(`*.${parent}`));
}
