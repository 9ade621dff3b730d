import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, withDeadline } from "../base/clock.ts";
import type { Credential } from "../base/credential.ts";
import type { Log } from "../base/log.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { IssuanceNews } from "../process/certificate-news.ts";
import type {
  ManagerToWorker,
  ManagerToWorkers,
  Message,
  Reach,
  WorkerFacts,
} from "../process/messages.ts";
import { Acknowledgements } from "./acknowledge.ts";
import { Challenges } from "./challenge.ts";
import { countAddresses, type Look, lookAtServed, reachFor } from "./served.ts";
import { swap } from "./swap.ts";

/** What the workers are spoken to by. */
export interface WorkersSteps {
  broadcast(message: ManagerToWorkers): void;
  /** Asks one of them; rejects with the signal's reason. */
  askWorker(worker: number, question: Question, signal: AbortSignal): Promise<Message>;
  readonly hosts: readonly Host[];
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  /** Where this machine reaches what they listen on for https; `undefined`: nowhere. */
  readonly https: Reach | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends every wait. */
  readonly signal: AbortSignal;
}

/** Given the number that the answer repeats. */
export type Question = (ask: number) => ManagerToWorker;

/** Every worker, as the certificate path sees them: who is there, what they answer, and what they show. */
export class Workers {
  /** What all of them answer right now. */
  readonly challenges: Challenges;
  readonly #steps: WorkersSteps;
  readonly #acknowledgements = new Acknowledgements();
  readonly #anyReady = Promise.withResolvers<void>();
  readonly #currentReady = Promise.withResolvers<void>();
  /** How many hosts are addresses. */
  readonly #addresses: number;

  constructor(steps: WorkersSteps) {
    this.#steps = steps;
    this.challenges = new Challenges(this.#acknowledgements, steps.broadcast, steps.log);
    this.#addresses = countAddresses(steps.hosts);
  }

  /**
   * Resolves when one of them can answer a challenge: one that listens where the configuration says; one of
   * before as well when none such is ready for long.
   */
  async canAnswer(): Promise<void> {
    const { clock, signal } = this.#steps;
    const patience = clock.sleep(limits.readyTimeoutMs, signal).catch(() => undefined);
    await Promise.race([this.#currentReady.promise, patience.then(() => this.#anyReady.promise)]);
  }

  /** Who is there now. */
  changed(workers: readonly WorkerFacts[]): void {
    this.#acknowledgements.peersChanged(workers);
    const ready = workers.filter((worker) => worker.ready && !worker.isDraining);
    if (ready.length > 0) this.#anyReady.resolve();
    if (ready.some(({ isCurrent }) => isCurrent)) this.#currentReady.resolve();
  }

  /** One of them did what it was told. */
  acknowledged(round: number, worker: number): void {
    this.#acknowledgements.acknowledged(round, worker);
  }

  /** How many are there. */
  get count(): number {
    return this.#acknowledgements.workers.length;
  }

  /** Do clients see its certificate? Not that of a host which is `certificateOnly`. */
  isServed(host: CertificateName): boolean {
    return this.#steps.findHost(host)?.action.kind !== "certificate-only";
  }

  /** What a client of ours gets. Never rejects. */
  async look(host: CertificateName): Promise<Look> {
    if (!this.isServed(host)) return { kind: "unseen" };
    return await lookAtServed(reachFor(host, this.#steps.https, this.#addresses), host);
  }

  /**
   * What each of them says that a client of `host` gets from it. Those that hold no certificate of that name, and
   * those that say nothing within {@link limits.serialAskMs}, are left out. Never rejects.
   */
  async heldSerials(host: CertificateName): Promise<ReadonlyMap<number, string>> {
    const signal = withDeadline(this.#steps.signal, limits.serialAskMs);
    const said = await Promise.all(
      this.#acknowledgements.workers.map(async (worker) => {
        return [worker, await this.#serialOf(worker, host, signal)] as const;
      }),
    );
    return new Map(said.flatMap(([worker, serial]) => (serial ? [[worker, serial]] : [])));
  }

  async #serialOf(worker: number, host: CertificateName, signal: AbortSignal) {
    try {
      const question: Question = (ask) => ({ type: "serial.ask", ask, host });
      const answer = await this.#steps.askWorker(worker, question, signal);
      return answer.type === "serial.answer" ? answer.serial : undefined;
    } catch {
      return undefined; // it ends, or hangs: the supervisor sees to that
    }
  }

  /** Puts a certificate into each of them; see {@link swap}. */
  swap(credential: Credential, news: IssuanceNews): Promise<string | undefined> {
    const { broadcast, log } = this.#steps;
    const acknowledgements = this.#acknowledgements;
    const look = (name: CertificateName) => this.look(name);
    return swap({ acknowledgements, broadcast, look, log }, credential, news);
  }
}
