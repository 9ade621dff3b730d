import { messageOf } from "../base/errors.ts";
import type { Trouble } from "../base/trouble.ts";
import { FaultyConfig, formatFault } from "../config/faults.ts";
import { limits } from "../config/limits.ts";
import type { Sight } from "./crash-report.ts";

/** What the supervisor says of reloads that were rejected, as a trouble beside the others, until one is accepted. */
export class RejectionReport {
  readonly #file: string;
  #rejection: string | undefined;

  /**
   * @param file Absolute path of the configuration.
   * @param rejection Of a reload before this process; see {@link rejectionOf}.
   */
  constructor(file: string, rejection: string | undefined) {
    this.#file = file;
    this.#rejection = rejection;
  }

  /** The news of the supervisor. No word ends it: a reload that is accepted replaces this process. */
  hear(rejection: string): void {
    this.#rejection = rejection;
  }

  /** Was a later configuration rejected than the one in force? */
  get isRejected(): boolean {
    return this.#rejection !== undefined;
  }

  /** Never undecided: each manager is told at its start. */
  addTo({ troubles, isUndecided }: Sight): Sight {
    if (this.#rejection === undefined) return { troubles, isUndecided };
    return { troubles: [...troubles, troubleOf(this.#file, this.#rejection)], isUndecided };
  }
}

/**
 * Why a reload was rejected: the first fault of the file, which names its place, or what else stood against it.
 * At most `limits.rejectionMaxCharacters` UTF-16 units, well formed.
 */
export function rejectionOf(error: unknown): string {
  const [first, ...others] = error instanceof FaultyConfig ? error.faults : [];
  if (first === undefined) return cut(messageOf(error));
  return cut(`${formatFault(first)}${others.length > 0 ? ` (and ${others.length} more)` : ""}`);
}

function cut(text: string): string {
  const max = limits.rejectionMaxCharacters;
  return text.length > max ? `${text.slice(0, max - 1).toWellFormed()}…` : text;
}

function troubleOf(file: string, rejection: string): Trouble {
  return {
    kind: "config.rejected",
    host: undefined,
    severity: "warning",
    message: `The configuration in ${file} was rejected and is not in force; the one of before it is`,
    detail: rejection,
    hint: `Run \`latchkey check --config ${file}\`, mend what is wrong, then \`latchkey reload --config ${file}\`. Do so before the next restart, which may find nothing that it can start with.`,
    nextAttemptAt: undefined,
  };
}
