import type { Bell } from "../base/bell.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { type Flaw, flawsOf, isGrave, remedyOf } from "./flaw.ts";
import type { Given } from "./manual.ts";

/** What the log of flaws needs from its surroundings. */
export interface FlawLogSteps {
  readonly config: Config;
  /** Hosts with files given by hand, as they were last read. */
  given(): Iterable<Given>;
  /** Rings when one of them has changed. */
  readonly changed: Bell;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Says in the log what is wrong with certificates given by hand, but for what perhaps no client minds (`cut`,
 * `narrow`: `check` and `doctor` tell of these): at the start, when their dates or their files bring something new,
 * and once in `limits.givenToldEveryMs` of what lasts. Until the signal ends it. Never rejects.
 */
export async function tellFlaws(steps: FlawLogSteps, signal: AbortSignal): Promise<void> {
  const { clock, changed } = steps;
  /** When each was told, by host and kind: as many as the configuration has hosts, a few times. */
  let toldAt: ReadonlyMap<string, number> = new Map();
  while (!signal.aborted) {
    toldAt = tellNew(steps, toldAt);
    await changed.sleep(clock, limits.givenLookEveryMs, signal);
  }
}

/** One round; when each flaw that there is now was told. */
function tellNew(
  { config, given: all, clock, log }: FlawLogSteps,
  toldAt: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const [now, next] = [clock.now(), new Map<string, number>()];
  for (const given of all()) {
    for (const flaw of flawsOf(given, { ...config.alerts, now })) {
      const key = `${flaw.kind} ${given.host}`;
      const before = toldAt.get(key) ?? Number.NEGATIVE_INFINITY;
      const isDue = now - before >= limits.givenToldEveryMs;
      next.set(key, isDue ? now : before);
      if (isDue) tell(given, flaw, log);
    }
  }
  return next;
}

function tell(given: Given, flaw: Flaw, log: Log): void {
  const { host, files } = given;
  const { code, detail: message, kind } = flaw;
  const { chain: chainFile, key: keyFile } = files;
  const facts = { host, code, message, chainFile, keyFile, hint: remedyOf(given, flaw) };
  if (kind === "unusable" || kind === "spoilt") log.error("certificate.unusable", facts);
  else if (kind === "expired" || kind === "expiring") log.warn("certificate.expiring", facts);
  else if (isGrave(flaw)) log.warn("certificate.unusable", facts);
}
