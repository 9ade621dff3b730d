import { keyOf, type Trouble } from "../base/trouble.ts";
import type { Crashing } from "./messages.ts";

/** What is wrong, and of what that is not known yet. */
export interface Sight {
  readonly troubles: readonly Trouble[];
  isUndecided(key: string): boolean;
}

const KIND = "process.failing";

/** What the supervisor says of children that end again and again, as a trouble beside the others. */
export class CrashReport {
  #crashing: Crashing | undefined;
  #hasHeard = false;

  /** The news of the supervisor. */
  hear(crashing: Crashing | undefined): void {
    this.#crashing = crashing;
    this.#hasHeard = true;
  }

  /** Until the first news nobody knows whether what was told before is over: this process may be one of those that end. */
  addTo({ troubles, isUndecided }: Sight): Sight {
    const own = keyOf({ kind: KIND, host: undefined });
    return {
      troubles: this.#crashing ? [...troubles, troubleOf(this.#crashing)] : troubles,
      isUndecided: (key) => (key === own ? !this.#hasHeard : isUndecided(key)),
    };
  }
}

function troubleOf({ count, child, code, signal }: Crashing): Trouble {
  const how = signal === undefined ? `code ${code ?? "unknown"}` : `signal ${signal}`;
  return {
    kind: KIND,
    host: undefined,
    severity: "critical",
    message: "Processes of this program end unasked, again and again",
    detail: `${count} have ended so, the last one, ${child}, with ${how}`,
    hint: "Look at what the log says before `worker.exited` or `manager.exited`. Each is started again after 30 s at most; those that have not ended serve meanwhile.",
    nextAttemptAt: undefined,
  };
}
