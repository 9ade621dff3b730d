import { randomInt } from "node:crypto";
import type { LastError } from "../base/certificate-record.ts";
import type { Clock } from "../base/clock.ts";
import { formatTime } from "../base/format-time.ts";
import { type Hostname, parsePlain } from "../base/hostname.ts";
import type { Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Host, HostPattern } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";
import type { Said } from "./answer-memory.ts";

/** What the probe needs from its surroundings. */
export interface ProbeSteps {
  readonly hosts: readonly Host[];
  /** Puts the question whatever is remembered; see `ask.ts`. */
  ask(url: string, host: Hostname): Promise<Said>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A service, and the hosts that it decides about. */
interface Target {
  readonly url: string;
  readonly pattern: HostPattern;
}

/** What the last look at a target showed. */
interface Look {
  /** Does it refuse what nobody can know? `undefined` until it first says something. */
  readonly isDiscerning: boolean | undefined;
  /** The name that it was asked about. */
  readonly name: string;
  readonly at: number;
}

/**
 * Looks whether `onDemand.ask` decides at all: a service that allows a name nobody can know allows every
 * stranger to spend what the CA grants. Until it refuses one, no new name is taken on its word.
 */
export class AskProbe {
  readonly #steps: ProbeSteps;
  readonly #targets: readonly Target[];
  /** As many as the configuration has on-demand hosts. */
  readonly #looks = new Map<string, Look>();
  readonly #flights = new SingleFlight<string, Look>();

  constructor(steps: ProbeSteps) {
    this.#steps = steps;
    this.#targets = steps.hosts.flatMap(targetsOf);
  }

  /**
   * Does the service refuse names that nobody can know? `undefined` while it has said nothing yet, and is
   * not asked again within `limits.askSilenceMs`. Never rejects.
   */
  async isDiscerning(url: string, pattern: HostPattern): Promise<boolean | undefined> {
    const target = { url, pattern };
    const known = this.#looks.get(keyOf(target));
    const age = known === undefined ? 0 : Math.abs(this.#steps.clock.now() - known.at);
    const isSettled = known !== undefined && known.isDiscerning !== undefined;
    const isEnough = isSettled || (known !== undefined && age < limits.askSilenceMs);
    return (isEnough ? known : await this.#look(target)).isDiscerning;
  }

  /** Looks at every service at once, then again and again, until the signal ends it. */
  async keepLooking(signal: AbortSignal): Promise<void> {
    if (this.#targets.length === 0) return;
    while (!signal.aborted) {
      await this.#lookAtAll(signal);
      const looks = this.#targets.map((target) => this.#looks.get(keyOf(target)));
      const isWell = looks.every((look) => look?.isDiscerning === true);
      const waitMs = isWell ? limits.askProbeEveryMs : limits.askProbeAgainMs;
      await this.#steps.clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** Why the hosts of a pattern get no new certificates; `undefined` when nothing is wrong. */
  troubleOf(pattern: HostPattern): LastError | undefined {
    const target = this.#targets.find((each) => each.pattern === pattern);
    const look = target && this.#looks.get(keyOf(target));
    if (look?.isDiscerning !== false) return undefined;
    return {
      type: "ASK_ALLOWS_ANY",
      detail: `onDemand.ask allowed ${look.name}, a name that nobody can know`,
      hint: HINT,
      at: formatTime(look.at),
    };
  }

  /** One after the other, and the rest of a service that is silent another time: each costs its patience. */
  async #lookAtAll(signal: AbortSignal): Promise<void> {
    const silent = new Set<string>();
    for (const target of this.#targets) {
      if (signal.aborted) return;
      if (silent.has(target.url)) continue;
      const { isDiscerning } = await this.#look(target);
      if (isDiscerning === undefined) silent.add(target.url);
    }
  }

  #look(target: Target): Promise<Look> {
    const key = keyOf(target);
    return this.#flights.run(key, async () => {
      const before = this.#looks.get(key);
      const name = unknowableName(target.pattern);
      const said = name && (await this.#steps.ask(target.url, name));
      const at = this.#steps.clock.now();
      // A parent so long that nothing fits under it has no names to be made.
      const isDiscerning =
        name === undefined ? true : said === undefined ? before?.isDiscerning : !said;
      const look = { isDiscerning, name: name ?? "", at };
      this.#looks.set(key, look);
      this.#tell(target, before, look);
      return look;
    });
  }

  #tell({ pattern }: Target, before: Look | undefined, { isDiscerning, name }: Look): void {
    if (isDiscerning === before?.isDiscerning) return;
    const facts = { host: formatPattern(pattern), asked: name };
    if (isDiscerning === false)
      this.#steps.log.error("on-demand.ask-allows-any", { ...facts, hint: HINT });
    else if (before?.isDiscerning === false) this.#steps.log.info("on-demand.ask-decides", facts);
  }
}

const HINT =
  "Let the service answer 200 for the names it knows and 404 for all others; until then no new name gets a certificate.";

function targetsOf({ pattern, certificate }: Host): Target[] {
  const url = certificate.kind === "acme" ? certificate.onDemand?.ask : undefined;
  return url === undefined ? [] : [{ url, pattern }];
}

function keyOf({ url, pattern }: Target): string {
  return `${formatPattern(pattern)} ${url}`;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** A name that the pattern matches and nobody has registered: a label, or for the catch-all a domain. */
function unknowableName(pattern: HostPattern): Hostname | undefined {
  const letter = () => LETTERS.charAt(randomInt(LETTERS.length));
  const label = Array.from({ length: limits.askProbeLetters }, letter).join("");
  return parsePlain(`${label}.${pattern.kind === "wildcard" ? pattern.parent : "com"}`);
}
