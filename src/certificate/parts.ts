import { randomInt } from "node:crypto";
import { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { readCredential } from "../base/credential.ts";
import type { Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { Config, Host } from "../config/config.ts";
import type { UnsavedCertificate } from "../process/certificate-news.ts";
import type {
  ManagerToWorkers,
  Message,
  Reach,
  Unbound,
  UnsavedNews,
} from "../process/messages.ts";
import type { Storage } from "../storage/storage.ts";
import type { Endpoint } from "./account.ts";
import type { AttemptMemory } from "./attempts.ts";
import { CaAccess } from "./ca-access.ts";
import { Commands } from "./commands.ts";
import { DeletionWatch } from "./deletion-watch.ts";
import { Durable } from "./durable.ts";
import type { TransportTo } from "./endpoints.ts";
import { CertificateKeeper, type KeeperSteps } from "./ensure.ts";
import { Holdings } from "./holdings.ts";
import { issue, predecessorOf } from "./issue.ts";
import { Legacy } from "./legacy.ts";
import { waitForListener } from "./listener-wait.ts";
import type { Given } from "./manual.ts";
import { Outlook } from "./outlook.ts";
import { PolicyGate } from "./policy-gate.ts";
import { Proofs } from "./proofs.ts";
import { rememberAttempts } from "./remember-attempts.ts";
import { RenewalWatch } from "./renewal-info.ts";
import { Revocations } from "./revocations.ts";
import { TroubleWatch } from "./trouble-watch.ts";
import { saveUnsaved } from "./unsaved.ts";
import { Watchdog } from "./watchdog.ts";
import { polling } from "./window.ts";
import { type Question, Workers } from "./workers.ts";

/** What the certificate floor stands on. */
export interface FloorSteps {
  readonly config: Config;
  readonly storage: Storage;
  /** The internal authority; `restore` writes back what was deleted of its files. */
  readonly authority: Endpoint & { restore?(): Promise<void> };
  /** How CAs of the internet are reached; over HTTPS, unless given. */
  readonly transportTo?: TransportTo | undefined;
  /** Our own listeners, as this machine reaches them. */
  readonly reach: { readonly https: readonly Reach[]; readonly http: readonly Reach[] };
  /** Those that are configured and not there: somebody else has the port, for now. */
  readonly unbound: readonly Unbound[];
  /** Which manager of the program this is; see {@link Recall.heldOf}. */
  readonly era: number;
  /** Certificates that the managers of before could not save. */
  readonly inherited: readonly UnsavedCertificate[];
  /** Tells what the next manager is to inherit. */
  bequeath(news: UnsavedNews): void;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  broadcast(message: ManagerToWorkers): void;
  /** Asks one worker, by its number; rejects with the signal's reason. */
  askWorker(worker: number, question: Question, signal: AbortSignal): Promise<Message>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** What every name, order and look has to do with. */
interface Ground {
  readonly holdings: Holdings;
  readonly workers: Workers;
  readonly durable: Durable;
  readonly cas: CaAccess;
  /** Rings when a renewal may have moved. */
  readonly bell: Bell;
  readonly legacy: Legacy;
}

/** The parts that an order goes through. */
interface Way extends Ground {
  readonly attempts: AttemptMemory;
  readonly outlook: Outlook;
  readonly proofs: Proofs;
  readonly gate: PolicyGate;
  readonly watch: RenewalWatch;
}

/** Every part of the certificate path. */
export interface Parts extends Way {
  readonly keeper: CertificateKeeper;
  readonly commands: Commands;
  readonly watchdog: Watchdog;
  readonly deletions: DeletionWatch;
  readonly troubles: TroubleWatch;
  readonly revocations: Revocations;
  /** See `unsaved.ts`: for everybody who looks for such certificates, once at a time. Never rejects. */
  saveUnsaved(): Promise<void>;
}

/**
 * Plugs the parts together: whom each of them asks for what. Nothing of it moves yet.
 *
 * @param given Hosts with files given by hand, as they were last read.
 */
export function plugTogether(steps: FloorSteps, given: () => Iterable<Given>): Parts {
  const { config, storage, log, signal, reach } = steps;
  const holdings = new Holdings();
  const ground = {
    holdings,
    legacy: new Legacy({ ...steps, holdings }),
    workers: new Workers({ ...steps, hosts: config.hosts, https: reach.https[0] }),
    durable: new Durable(storage, log, signal),
    cas: new CaAccess(steps),
    bell: new Bell(),
  };
  const way = newWay(steps, ground);
  const keeper = newKeeper(steps, way);
  const all = () => holdings.all();
  const { certificates, commandRuns: store } = storage;
  const commands = new Commands({ ...steps, holdings: all, certificates, store });
  const watchdog = newWatchdog(steps, ground, keeper);
  const saving = new SingleFlight<"save", void>();
  const save = () =>
    saving.run("save", async () => {
      await saveUnsaved(holdings, keeper);
      ground.legacy.tell();
    });
  const deletions = newDeletionWatch(steps, ground, keeper, save);
  const revocations = new Revocations({
    ...{ ...steps, ...ground, given, random },
    revoke: (name, untold, reason) => ground.cas.revoke(name, untold, reason),
  });
  const troubles = new TroubleWatch({
    ...steps,
    ...{ asks: way.gate.asks, commands, watchdog, deletions, holdings: all, given },
    revocations: revocations.untold,
    directoryOf: (issuer) => ground.cas.endpoints.directoryOf(issuer),
    confirmWritable: () => ground.durable.confirmWritable(),
    storageIsBack: () => way.outlook.storageIsBack(),
  });
  return {
    ...way,
    keeper,
    commands,
    watchdog,
    deletions,
    troubles,
    revocations,
    saveUnsaved: save,
  };
}

function newWay(steps: FloorSteps, ground: Ground): Way {
  const { config, storage } = steps;
  const { holdings, workers, durable, cas, bell } = ground;
  const moved = () => bell.ring();
  const attempts = rememberAttempts({ ...steps, random }, ground);
  const outlook = new Outlook({
    ...steps,
    ...{ cas, holdings, random, moved },
    challenges: workers.challenges,
    probe: () => durable.confirmWritable(),
    remember: (holding) => attempts.remember(holding),
  });
  const proofs = new Proofs({
    ...steps,
    listeners: steps.reach,
    arm: (challenge, issuer, signal) => outlook.arm(challenge, issuer, signal),
    store: storage.publishedRecords,
  });
  const gate = new PolicyGate({
    ...steps,
    isKnown: (host) => holdings.isAllowed(host),
    spendOnDemand: (domain, issuers) => cas.spendOnDemand(domain, issuers),
  });
  const watch = new RenewalWatch({
    ...steps,
    ...{ holdings, random, moved },
    store: storage.renewalInfos,
    endpointOf: (host, directory) => cas.endpointOf(host, directory),
    polling: polling(),
    checkEveryMs: config.renewal.checkEveryMs,
  });
  return { ...ground, attempts, outlook, proofs, gate, watch };
}

function newKeeper(steps: FloorSteps, way: Way): CertificateKeeper {
  const { config, clock, log, signal } = steps;
  const { holdings, attempts, cas } = way;
  return new CertificateKeeper(
    keeperSteps(steps, way),
    { holdings, attempts, queue: cas.queue },
    { renewal: config.renewal, clock, log, signal, era: steps.era },
  );
}

function keeperSteps(steps: FloorSteps, way: Way): KeeperSteps {
  const { config, storage, clock, log } = steps;
  const { holdings, workers, durable, cas, proofs, gate, watch, outlook, legacy } = way;
  const isRevoked = (key: string) => storage.revokedKeys.has(key);
  return {
    decide: (host, client) => gate.decide(host, client),
    load: async (host) => {
      const stored = await storage.certificates.load(host);
      if (stored !== undefined) await watch.recall(host, stored.credential);
      return stored && { credential: stored.credential, issuer: stored.meta.issuer };
    },
    directoryOf: (issuer) => cas.endpoints.directoryOf(issuer),
    waitFor: (holding, directory) =>
      waitForListener(
        { ...steps, directoryOf: (issuer) => cas.endpoints.directoryOf(issuer) },
        holding,
        directory,
      ) ?? cas.waitFor(holding, directory),
    reopen: (holding, directory) => cas.reopen(holding, directory),
    order: async (host, issuer, signal) => {
      const holding = holdings.get(host);
      const order = {
        ...cas.issuing,
        ...proofs.for(host, issuer, holding),
        ...{ clock, log, isRevoked, keyType: config.acme.keyType },
        probe: () => durable.confirmWritable(),
        predecessor: predecessorOf(holding),
        replacingFailed: () => {
          if (holding !== undefined) holding.replacingFailedAt = clock.now();
        },
        served: holding?.certificate?.files.chain,
      };
      const issued = await issue(order, host, issuer, signal);
      outlook.caWorks(issued.issuer);
      return issued;
    },
    store: (host, issued) => durable.store(host, issued),
    isWanted: (host, { issuer, credential }) =>
      cas.endpointOf(host, issuer) !== undefined && !isRevoked(credential.key),
    isRevoked,
    failed: (holding) => outlook.noticeFailure(holding),
    swap: (credential, news) => {
      watch.noticed();
      legacy.tell();
      return workers.swap(credential, news);
    },
    moved: () => way.bell.ring(),
  };
}

function newWatchdog(steps: FloorSteps, ground: Ground, keeper: CertificateKeeper): Watchdog {
  const { clock, log, storage } = steps;
  const { holdings, workers } = ground;
  return new Watchdog({
    ...{ clock, log, random },
    holdings: () => [...holdings.all()].filter(({ host }) => workers.isServed(host)),
    look: (host) => workers.look(host),
    heldSerials: (host) => workers.heldSerials(host),
    workers: () => workers.count,
    announceAgain: async (holding) => {
      const unsaved = holding.certificate?.unsaved;
      const credential =
        unsaved === undefined
          ? (await storage.certificates.load(holding.host))?.credential
          : readCredential(unsaved.chain, unsaved.key);
      if (credential !== undefined) await keeper.goLive(holding, credential);
    },
  });
}

function newDeletionWatch(
  { authority, clock, log, storage }: FloorSteps,
  { holdings, durable }: Ground,
  keeper: CertificateKeeper,
  save: () => Promise<void>,
): DeletionWatch {
  return new DeletionWatch({
    ...{ clock, log, storage },
    holdings: () => holdings.all(),
    list: () => storage.certificates.list(),
    hasFiles: (host) => storage.certificates.hasFiles(host),
    reload: (holding) => keeper.recall.load(holding),
    takeMissed: () => keeper.recall.takeMissed(),
    confirmWritable: () => durable.confirmOurs(),
    restoreOthers: async () => {
      await storage.accounts.restore();
      await storage.revokedKeys.restore();
      await authority.restore?.();
    },
    saveUnsaved: save,
  });
}

/** From 0, below 1. */
function random(): number {
  return randomInt(0, 1_000_000) / 1_000_000;
}
