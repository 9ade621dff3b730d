import { randomInt } from "node:crypto";
import { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import type { Clock } from "../base/clock.ts";
import { readCredential } from "../base/credential.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Config, Host } from "../config/config.ts";
import { ownNameOf } from "../config/route.ts";
import type {
  ArmedChallenge,
  CertificateOutcome,
  ClientAddress,
  HeldCredential,
  ManagerToWorkers,
  Reach,
  WorkerFacts,
} from "../process/messages.ts";
import type { Storage } from "../storage/storage.ts";
import type { Endpoint } from "./account.ts";
import { Acknowledgements } from "./acknowledge.ts";
import { AttemptMemory } from "./attempts.ts";
import { CaAccess } from "./ca-access.ts";
import { Challenges } from "./challenge.ts";
import { Commands } from "./commands.ts";
import { configurationOf } from "./configuration.ts";
import { Durable } from "./durable.ts";
import type { TransportTo } from "./endpoints.ts";
import { CertificateKeeper, type KeeperSteps } from "./ensure.ts";
import { Holdings } from "./holdings.ts";
import { issue, predecessorOf } from "./issue.ts";
import { judge } from "./judge.ts";
import { listCertificates } from "./list.ts";
import { manualRecords } from "./manual.ts";
import {
  type OperatorOutcome,
  type OperatorRequest,
  obey,
  type RevocationReason,
} from "./operator.ts";
import { Outlook } from "./outlook.ts";
import { PolicyGate } from "./policy-gate.ts";
import { Probes } from "./probe.ts";
import { Proofs } from "./proofs.ts";
import type { Holding } from "./records.ts";
import { keepRenewing } from "./renew.ts";
import { RenewalWatch, type WatchSteps } from "./renewal-info.ts";
import { countAddresses, lookAtServed, reachFor } from "./served.ts";
import { forgetSpentOrders } from "./spent-orders.ts";
import { swap } from "./swap.ts";
import { TroubleWatch } from "./trouble-watch.ts";
import { saveUnsaved } from "./unsaved.ts";
import { Watchdog } from "./watchdog.ts";
import { polling } from "./window.ts";

/** What the certificate floor stands on. */
export interface FloorSteps {
  readonly config: Config;
  readonly storage: Storage;
  /** The internal authority. */
  readonly authority: Endpoint;
  /** How CAs of the internet are reached; over HTTPS, unless given. */
  readonly transportTo?: TransportTo | undefined;
  /** Our own listeners, as this machine reaches them. */
  readonly reach: { readonly https: readonly Reach[]; readonly http: readonly Reach[] };
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  broadcast(message: ManagerToWorkers): void;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Every part of the certificate path, plugged together; what the manager process talks to. */
export class CertificateFloor {
  readonly #steps: FloorSteps;
  readonly #acknowledgements = new Acknowledgements();
  readonly #holdings = new Holdings();
  readonly #challenges: Challenges;
  readonly #proofs: Proofs;
  readonly #gate: PolicyGate;
  /** Rings when a renewal may have moved. */
  readonly #bell = new Bell();
  readonly #watch: RenewalWatch;
  readonly #keeper: CertificateKeeper;
  readonly #outlook: Outlook;
  /** Answers an operator's look at where names lead. */
  readonly probes: Probes;
  /** Sees what is wrong. */
  readonly troubles: TroubleWatch;
  readonly #commands: Commands;
  readonly #watchdog: Watchdog;
  #manual: ReadonlyMap<string, CertificateRecord> = new Map();
  readonly #cas: CaAccess;
  readonly #durable: Durable;
  readonly #firstWorker = Promise.withResolvers<void>();

  constructor(steps: FloorSteps) {
    const { clock, log, signal, config, storage } = steps;
    this.#steps = steps;
    this.#challenges = new Challenges(this.#acknowledgements, steps.broadcast, log);
    this.probes = new Probes(this.#challenges, this.#holdings);
    this.#durable = new Durable(storage, log, signal);
    this.#cas = new CaAccess(steps);
    this.#proofs = new Proofs({
      ...{ config, clock, log, signal },
      listeners: steps.reach,
      findHost: steps.findHost,
      arm: (challenge, issuer, signal) => this.#outlook.arm(challenge, issuer, signal),
      store: storage.publishedRecords,
    });
    this.#gate = new PolicyGate({ ...steps, isKnown: (host) => this.#holdings.isAllowed(host) });
    const holdings = () => this.#holdings.all();
    this.#commands = new Commands({ ...steps, holdings, store: storage.commandRuns });
    this.#watchdog = new Watchdog({
      ...{ clock, log, random },
      holdings: () => [...this.#holdings.all()].filter(({ host }) => this.#isServed(host)),
      servedSerial: (host) => this.#servedSerial(host),
      workers: () => this.#acknowledgements.workers,
      announceAgain: (holding) => this.#announceAgain(holding),
    });
    this.troubles = new TroubleWatch({
      ...steps,
      asks: this.#gate.asks,
      commands: this.#commands,
      watchdog: this.#watchdog,
      holdings,
      manual: () => this.#manual.values(),
      directoryOf: (issuer) => this.#cas.endpoints.directoryOf(issuer),
      confirmWritable: () => this.#durable.confirmWritable(),
    });
    const attempts = new AttemptMemory({
      store: storage.attempts,
      hasOrder: async (host) => (await storage.orders.load(host)) !== undefined,
      judge,
      directoryOf: (issuer) => this.#cas.endpoints.directoryOf(issuer),
      configurationOf: (host) => configurationOf(config, steps.findHost(host)),
      clock,
      log,
      random,
    });
    this.#watch = new RenewalWatch(this.#watchSteps());
    this.#outlook = new Outlook({
      ...steps,
      random,
      cas: this.#cas,
      holdings: this.#holdings,
      challenges: this.#challenges,
      probe: () => this.#durable.confirmWritable(),
      moved: () => this.#bell.ring(),
    });
    this.#keeper = new CertificateKeeper(
      this.#keeperSteps(),
      { holdings: this.#holdings, attempts, queue: this.#cas.queue },
      { renewal: config.renewal, clock, log, signal },
    );
  }

  /** Takes over everything that is stored. */
  async open(): Promise<void> {
    const { config, storage, clock } = this.#steps;
    await this.#cas.budgets.open();
    for (const entry of config.hosts) {
      const own = ownNameOf(entry);
      if (own !== undefined) await this.#keeper.adopt(own, true);
    }
    this.#manual = await manualRecords(config, clock.now());
    for (const name of await storage.certificates.list()) {
      const entry = this.#steps.findHost(name);
      if (entry?.certificate.kind === "acme" && ownNameOf(entry) === undefined)
        await this.#keeper.adopt(name, false);
    }
    await forgetSpentOrders(storage, this.#steps.log);
  }

  /** Orders and renews until the signal ends it; begins when a worker can answer challenges. */
  async run(): Promise<void> {
    const { config, clock, signal } = this.#steps;
    void this.#proofs.recover(); // name servers may be slow, and orders need not wait for them
    const watching = this.#gate.keepWatching(signal);
    await this.#firstWorker.promise;
    const steps = {
      holdings: this.#holdings,
      clock,
      bell: this.#bell,
      renewal: config.renewal,
      // Of a name that is certified for another program no visitor ever asks us.
      atStart: (host: CertificateName) =>
        config.acme.issue === "at-start" ||
        this.#steps.findHost(host)?.action.kind === "certificate-only",
      renew: (holding: Parameters<CertificateKeeper["renew"]>[0]) => this.#keeper.renew(holding),
      saveUnsaved: () => saveUnsaved(this.#holdings, this.#keeper),
    };
    const looking = [this.#outlook, this.troubles, this.#commands, this.#watchdog];
    const polling = this.#watch.keepAsking(signal);
    await Promise.all([
      keepRenewing(steps, signal),
      polling,
      watching,
      ...looking.map((each) => each.run(signal)),
    ]);
  }

  /** Resolves, soon, when nothing is left in DNS of the orders that the signal ended. */
  settled(): Promise<void> {
    return this.#proofs.settled();
  }

  /** A visitor came for a name without a certificate. Never rejects. */
  async need(host: CertificateName, client?: ClientAddress): Promise<CertificateOutcome> {
    try {
      return await this.#keeper.ensure(host, client);
    } catch (error) {
      this.#steps.log.error("certificate.need-failed", { host, ...failureFacts(error) });
      return { kind: "unavailable" };
    }
  }

  /** An operator's word about one name. Never rejects. */
  async obey(name: CertificateName, request: OperatorRequest): Promise<OperatorOutcome> {
    const { storage, findHost, log } = this.#steps;
    const steps = {
      isKnown: (host: CertificateName) => findHost(host) !== undefined,
      orderNow: (host: CertificateName) => this.#keeper.orderNow(host),
      holding: (host: CertificateName) => this.#holdings.get(host),
      load: (host: CertificateName) => storage.certificates.load(host),
      revoke: (chain: string, directory: string, reason: RevocationReason) =>
        this.#cas.revoke(name, { chain, directory }, reason),
      setAside: (host: CertificateName, generation: number) =>
        storage.certificates.quarantine(host, generation, "it is revoked"),
      log,
    };
    return await obey(steps, name, request);
  }

  /** New keys for our accounts, with every CA or with the one of this directory. Never rejects. */
  rollOver(directory: string | undefined): Promise<readonly RolloverOutcome[]> {
    return this.#cas.rollOver(directory);
  }

  /** Has this name a certificate, or would it get one? */
  isAllowed(host: UriHost, client: ClientAddress): Promise<boolean> {
    return this.#gate.isAllowed(host, client);
  }

  /** For a worker that starts: what is not on disk. */
  get state(): {
    readonly challenges: readonly ArmedChallenge[];
    readonly unsaved: readonly HeldCredential[];
  } {
    const unsaved = [...this.#holdings.all()].flatMap(({ host, certificate }) =>
      certificate?.unsaved === undefined ? [] : [{ host, ...certificate.unsaved }],
    );
    return { challenges: this.#challenges.armed, unsaved };
  }

  /** A worker did what it was told. */
  acknowledged(round: number, worker: number): void {
    this.#acknowledgements.acknowledged(round, worker);
  }

  /** Who is there now. */
  peersChanged(workers: readonly WorkerFacts[]): void {
    this.#acknowledgements.peersChanged(workers);
    if (workers.some(({ ready }) => ready)) this.#firstWorker.resolve();
  }

  /** A row for every host. */
  list(): CertificateRecord[] {
    const { config, findHost } = this.#steps;
    return listCertificates({
      hosts: config.hosts,
      holdings: this.#holdings,
      findHost,
      manual: (pattern) => this.#manual.get(pattern),
      troubleOf: (pattern) => this.#gate.troubleOf(pattern),
    });
  }

  #keeperSteps(): KeeperSteps {
    const { config, storage, clock, log } = this.#steps;
    return {
      decide: (host, client) => this.#gate.decide(host, client),
      load: async (host) => {
        const stored = await storage.certificates.load(host);
        if (stored !== undefined) await this.#watch.recall(host, stored.credential);
        return stored && { credential: stored.credential, issuer: stored.meta.issuer };
      },
      directoryOf: (issuer) => this.#cas.endpoints.directoryOf(issuer),
      waitFor: (holding, directory) => this.#cas.waitFor(holding, directory),
      order: (host, issuer, signal) =>
        issue(
          {
            ...this.#cas.issuing,
            ...this.#proofs.for(host, issuer, this.#holdings.get(host)?.failedChallenge),
            clock,
            log,
            keyType: config.acme.keyType,
            probe: () => this.#durable.confirmWritable(),
            predecessor: predecessorOf(this.#holdings.get(host)),
          },
          host,
          issuer,
          signal,
        ),
      store: (host, issued) => this.#durable.store(host, issued),
      isWanted: (host, directory) => this.#cas.endpointOf(host, directory) !== undefined,
      swap: (host, credential, held) => {
        const { broadcast } = this.#steps;
        const acknowledgements = this.#acknowledgements;
        const servedSerial = (name: CertificateName) => this.#servedSerial(name);
        this.#watch.noticed();
        return swap({ acknowledgements, broadcast, servedSerial, log }, host, credential, held);
      },
    };
  }

  /** What a client of ours gets. */
  #servedSerial(name: CertificateName): Promise<string | undefined> {
    const { config, reach } = this.#steps;
    return lookAtServed(reachFor(name, reach.https[0], countAddresses(config.hosts)), name);
  }

  #isServed(host: CertificateName): boolean {
    return this.#steps.findHost(host)?.action.kind !== "certificate-only";
  }

  async #announceAgain(holding: Holding): Promise<void> {
    const unsaved = holding.certificate?.unsaved;
    const credential =
      unsaved === undefined
        ? (await this.#steps.storage.certificates.load(holding.host))?.credential
        : readCredential(unsaved.chain, unsaved.key);
    if (credential !== undefined) await this.#keeper.goLive(holding, credential);
  }

  #watchSteps(): WatchSteps {
    const { config, storage, clock, log } = this.#steps;
    return {
      holdings: this.#holdings,
      store: storage.renewalInfos,
      endpointOf: (host, directory) => this.#cas.endpointOf(host, directory),
      polling: polling(),
      checkEveryMs: config.renewal.checkEveryMs,
      clock,
      log,
      random,
      moved: () => this.#bell.ring(),
    };
  }
}

/** From 0, below 1. */
function random(): number {
  return randomInt(0, 1_000_000) / 1_000_000;
}
