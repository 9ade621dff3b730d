import { keyOf, type Trouble } from "../base/trouble.ts";
import type { Sight } from "./crash-report.ts";
import type { Strain, WorkerFacts } from "./messages.ts";

const REFUSING = { kind: "overload.refusing", host: undefined } as const;
const ACCESS_LOG = { kind: "log.failing", host: undefined } as const;

/** What workers say that they cannot do, as troubles beside the others. */
export class StrainReport {
  readonly #strains = new Map<number, Strain>();
  #workers: readonly number[] | undefined;

  /** Those that are alive: what the others said is over. */
  changed(workers: readonly Pick<WorkerFacts, "index">[]): void {
    this.#workers = workers.map(({ index }) => index);
    for (const index of this.#strains.keys()) {
      if (!this.#workers.includes(index)) this.#strains.delete(index);
    }
  }

  /** The news of a worker; of one that is not alive there are none. */
  hear(worker: number, strain: Strain): void {
    if (this.#workers?.includes(worker) === true) this.#strains.set(worker, strain);
  }

  /** What was told before is not over until every worker has spoken. */
  addTo({ troubles, isUndecided }: Sight): Sight {
    const own = new Set([REFUSING, ACCESS_LOG].map(keyOf));
    return {
      troubles: [...troubles, ...this.#ofRefusing(), ...this.#ofAccessLog()],
      isUndecided: (key) => (own.has(key) ? !this.#haveSpoken() : isUndecided(key)),
    };
  }

  #haveSpoken(): boolean {
    return this.#workers?.every((index) => this.#strains.has(index)) === true;
  }

  #ofRefusing(): Trouble[] {
    const detail = this.#said(({ refusing }) => refusing);
    if (detail === undefined) return [];
    return [
      {
        ...REFUSING,
        severity: "critical",
        message: "New connections are closed at once: there are as many as can be served",
        detail,
        hint: "Raise what has run out: limits.connectionsMax, the descriptors of a process (ulimit -n, LimitNOFILE=), or memory. Or find out who holds the connections (limits.connectionsPerClientMax).",
        nextAttemptAt: undefined,
      },
    ];
  }

  #ofAccessLog(): Trouble[] {
    const detail = this.#said(({ accessLog }) => accessLog);
    if (detail === undefined) return [];
    return [
      {
        ...ACCESS_LOG,
        severity: "warning",
        message: "The access log takes no lines; those that find no room in memory are lost",
        detail,
        hint: "Free space on its disk: what waits is written then. Or name another file in log.access.",
        nextAttemptAt: undefined,
      },
    ];
  }

  /** In the words of each worker that says so. */
  #said(of: (strain: Strain) => string | undefined): string | undefined {
    const words = [...this.#strains].flatMap(([index, strain]) => {
      const said = of(strain);
      return said === undefined ? [] : [`worker ${index}: ${said}`];
    });
    return words.length === 0 ? undefined : words.join("; ");
  }
}
