import type { CertificateName } from "../base/certificate-name.ts";
import type { Credential } from "../base/credential.ts";
import type { Log } from "../base/log.ts";
import type { Host } from "../config/config.ts";
import type { HeldCredential, ManagerToWorkers, Reach, WorkerFacts } from "../process/messages.ts";
import { Acknowledgements } from "./acknowledge.ts";
import { Challenges } from "./challenge.ts";
import { countAddresses, lookAtServed, reachFor } from "./served.ts";
import { swap } from "./swap.ts";

/** What the workers are spoken to by. */
export interface WorkersSteps {
  broadcast(message: ManagerToWorkers): void;
  readonly hosts: readonly Host[];
  /** Where this machine reaches what they listen on for https; `undefined`: nowhere. */
  readonly https: Reach | undefined;
  readonly log: Log;
}

/** Every worker, as the certificate path sees them: who is there, what they answer, and what they show. */
export class Workers {
  /** What all of them answer right now. */
  readonly challenges: Challenges;
  readonly #steps: WorkersSteps;
  readonly #acknowledgements = new Acknowledgements();
  readonly #firstReady = Promise.withResolvers<void>();
  /** How many hosts are addresses. */
  readonly #addresses: number;

  constructor(steps: WorkersSteps) {
    this.#steps = steps;
    this.challenges = new Challenges(this.#acknowledgements, steps.broadcast, steps.log);
    this.#addresses = countAddresses(steps.hosts);
  }

  /** Resolves when one of them is ready, and so can answer a challenge. */
  get anyReady(): Promise<void> {
    return this.#firstReady.promise;
  }

  /** Who is there now. */
  changed(workers: readonly WorkerFacts[]): void {
    this.#acknowledgements.peersChanged(workers);
    if (workers.some(({ ready }) => ready)) this.#firstReady.resolve();
  }

  /** One of them did what it was told. */
  acknowledged(round: number, worker: number): void {
    this.#acknowledgements.acknowledged(round, worker);
  }

  /** How many are there. */
  get count(): number {
    return this.#acknowledgements.workers;
  }

  /** What a client of ours gets: the serial, if any. Never rejects. */
  servedSerial(host: CertificateName): Promise<string | undefined> {
    return lookAtServed(reachFor(host, this.#steps.https, this.#addresses), host);
  }

  /** Puts a certificate into each of them; see {@link swap}. */
  swap(
    host: CertificateName,
    credential: Credential,
    held: HeldCredential | undefined,
  ): Promise<string | undefined> {
    const { broadcast, log } = this.#steps;
    const acknowledgements = this.#acknowledgements;
    const servedSerial = (name: CertificateName) => this.servedSerial(name);
    return swap({ acknowledgements, broadcast, servedSerial, log }, host, credential, held);
  }
}
