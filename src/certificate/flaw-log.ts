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
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Says in the log what is wrong with certificates given by hand, but for what perhaps no client minds (`cut`,
 * `narrow`: `check` and `doctor` tell of these): at the start, when their dates bring something new, and once in
 * `limits.givenToldEveryMs` of what lasts. Until the signal ends it. Never rejects.
 */
export async function tellFlaws(steps: FlawLogSteps, signal: AbortSignal): Promise<void> {
  const { clock } = steps;
  /** When each was told, by host and kind: as many as the configuration has hosts, a few times. */
  const toldAt = new Map<string, number>();
  while (!signal.aborted) {
    const now = clock.now();
    for (const given of steps.given()) {
      for (const flaw of flawsOf(given, { ...steps.config.alerts, now })) {
        const key = `${flaw.kind} ${given.host}`;
        const before = toldAt.get(key) ?? Number.NEGATIVE_INFINITY;
        if (now - before < limits.givenToldEveryMs) continue;
        toldAt.set(key, now);
        tell(given, flaw, steps.log);
      }
    }
    await clock.sleep(limits.givenLookEveryMs, signal).catch(() => undefined);
  }
}

function tell(given: Given, flaw: Flaw, log: Log): void {
  const { host, files } = given;
  const { code, detail: message, kind } = flaw;
  const { chain: chainFile, key: keyFile } = files;
  const facts = { host, code, message, chainFile, keyFile, hint: remedyOf(given, flaw) };
  if (kind === "unusable") log.error("certificate.unusable", facts);
  else if (kind === "expired" || kind === "expiring") log.warn("certificate.expiring", facts);
  else if (isGrave(flaw)) log.warn("certificate.unusable", facts);
}
