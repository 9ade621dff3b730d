import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { loadPackage } from "./acme/signing.ts";
import { keepDashboard } from "./admin/dashboard/keep.ts";
import { AdminDoor } from "./admin/door.ts";
import type { DrainRequest } from "./admin/drain-request.ts";
import { EventCounts } from "./admin/event-counts.ts";
import { Gathering } from "./admin/gathering.ts";
import type { HostRequest } from "./admin/host-request.ts";
import type { RolloverRequest } from "./admin/rollover-request.ts";
import { scrape } from "./admin/scrape.ts";
import { type Snapshot, takeSnapshot } from "./admin/snapshot.ts";
import { Alarm } from "./alert/alarm.ts";
import { channelsOf } from "./alert/channels.ts";
import { warnOfPrograms } from "./alert/programs.ts";
import { StandbyAuthority } from "./authority/standby.ts";
import { systemClock } from "./base/clock.ts";
import { codeOf, messageOf } from "./base/errors.ts";
import { createLog, failureFacts } from "./base/log.ts";
import { LoopDelay } from "./base/loop-delay.ts";
import type { Probe } from "./base/probe.ts";
import { giveBackStartMemory } from "./base/start-memory.ts";
import { parseUriHost } from "./base/uri-host.ts";
import { type HostEvent, WatchedLog } from "./base/watched-log.ts";
import { carryOut } from "./certificate/carry-out.ts";
import { CertificateFloor } from "./certificate/floor.ts";
import { formatPattern } from "./config/host-pattern.ts";
import { isAuthorityWanted } from "./config/issuers.ts";
import { changeLimits, limits } from "./config/limits.ts";
import { buildRoutes } from "./config/route.ts";
import { looker } from "./health/look.ts";
import { BackendWatch } from "./health/watch.ts";
import { Channel } from "./process/channel.ts";
import { LOAD_ONLY } from "./process/compiled.ts";
import { CrashReport, type Sight } from "./process/crash-report.ts";
import { type Address, type Message, type WorkerFacts, workerIndexOf } from "./process/messages.ts";
import { askForCounts, askForReload } from "./process/questions.ts";
import { RejectionReport } from "./process/rejection-report.ts";
import { SpentNews } from "./process/spent-news.ts";
import { StrainReport } from "./process/strain-report.ts";
import { Storage } from "./storage/storage.ts";
import { tolerateStorage } from "./storage/tolerate.ts";

/** The process of the certificate path: everything about certificates, storage and the admin socket. */
if (process.argv[2] === LOAD_ONLY) {
  await loadPackage();
  process.exit();
}
const { channel, configure } = await Channel.connect("manager");
const { config, reach, startedAt, configuredAt, unbound, era, unsaved } = configure;
changeLimits(config.limits);
const counts = new EventCounts();
const log = new WatchedLog(createLog({ ...config.log, process: "manager" }), counts.hear);
const stopping = new AbortController();
const bornAt = systemClock.now();
let workers: readonly WorkerFacts[] = [];
const [crashReport, strainReport] = [new CrashReport(), new StrainReport()];
const rejectionReport = new RejectionReport(config.file, configure.rejection);
/** Who sees what the certificate floor does not. */
const reports = [crashReport, strainReport, rejectionReport];
const ownHosts = config.hosts.slice(0, limits.metricsHostsMax);
const gathering = new Gathering({
  hosts: ownHosts.map(({ pattern }) => formatPattern(pattern)),
  isFirst: era === 1,
  ask: (worker, withDelays) => askForCounts(channel, worker, withDelays, stopping.signal),
});
const spentNews = new SpentNews((spent) => channel.send("workers", { type: "rates.news", spent }));
const delay = new LoopDelay();
let ticketMaster = newTicketMaster();
/** Is another manager to follow? */
let isReplaced = false;

// While it opens, a drain ends it at once, which what is on disk survives; the rest waits its turn.
const early: [Message, Address][] = [];
let stop = async (): Promise<void> => process.exit(0);
let handle = (message: Message, from: Address): void => {
  if (message.type === "drain") void stop();
  else early.push([message, from]);
};
channel.open({
  message: (message, from) => handle(message, from),
  orphaned: () => void stop(),
});

try {
  await open();
} catch (error) {
  log.error("manager.failed", failureFacts(error));
  const detail = messageOf(error);
  channel.send("supervisor", { type: "fatal", code: codeOf(error) ?? "unknown", detail });
  process.exitCode = 1;
  setImmediate(() => process.exit());
}

async function open(): Promise<void> {
  let reopenAdmin = (): void => {};
  const storage = await Storage.open({
    ...{ root: config.storage, clock: systemClock, log },
    prepared: () => reopenAdmin(),
  });
  await tolerateStorage("storage.readonly", () => storage.acquire(stopping.signal), log);
  const authority = new StandbyAuthority({
    ...config.authority,
    store: storage.authority,
    reach,
    clock: systemClock,
    log,
  });
  if (isAuthorityWanted(config.hosts))
    await tolerateStorage("authority.not-open", () => authority.open(), log);
  const routes = buildRoutes(config.hosts);
  const floor = new CertificateFloor({
    ...{ config, storage, authority, reach, unbound, era },
    inherited: unsaved,
    bequeath: (news) => channel.send("supervisor", news),
    findHost: (name) => routes.findCertified(name),
    broadcast: (message) => channel.send("workers", message),
    askWorker: (worker, question, signal) => channel.ask(`worker ${worker}`, question, signal),
    clock: systemClock,
    log,
    signal: stopping.signal,
  });
  await floor.open();
  const watch = new BackendWatch({
    hosts: config.hosts,
    look: looker(log),
    load: () => storage.backends.load(),
    save: (kept) => storage.backends.save(kept),
    broadcast: (backends) => channel.send("workers", { type: "backends.news", backends }),
    clock: systemClock,
    log,
    random: Math.random,
  });
  await watch.open();
  const admin = adminDoor(floor, watch);
  await admin.open();
  reopenAdmin = () => void admin.open();
  const rotation = setInterval(rotateTickets, limits.ticketRotationMs);

  stop = async () => {
    if (stopping.signal.aborted) return;
    stopping.abort(new Error("Stopping"));
    clearInterval(rotation);
    authority.close();
    await admin.close({ isReplaced });
    await floor.settled();
    // As may have been said meanwhile only; before the lease goes to another program, which has a socket of that name.
    if (!isReplaced) await admin.close({ isReplaced });
    await storage.close();
    process.exit(0);
  };
  handle = (message, from) => receive(floor, watch, message, from, stop);
  for (const [message, from] of early.splice(0)) handle(message, from);
  channel.send("workers", { type: "tickets.master", ticketMaster });
  channel.send("workers", { type: "backends.news", backends: watch.all });
  channel.send("supervisor", { type: "ready" });
  giveBackStartMemory(limits.startMemoryAfterMs);
  void warnOfPrograms(config, log);
  await keepRunning(floor, watch, storage);
}

/** All that goes on for as long as this process lives. */
async function keepRunning(
  floor: CertificateFloor,
  watch: BackendWatch,
  storage: Storage,
): Promise<void> {
  await Promise.all([
    ...[floor.run(), watch.run(stopping.signal), keepTelling(floor, storage)],
    keepDashboard(config.listen.dashboard, () => snapshotOf(floor, watch), log, stopping.signal),
  ]);
}

/** Tells who is to be told of what goes wrong, if anybody is. */
async function keepTelling({ troubles }: CertificateFloor, storage: Storage): Promise<void> {
  const isFirst = bornAt - startedAt < limits.readyTimeoutMs;
  const common = { clock: systemClock, log };
  const channels = channelsOf({ alerts: config.alerts, machine: hostname(), ...common });
  const alarms = channels.map((channel) => {
    return new Alarm({
      ...{ ...common, channel, store: storage.toldTroubles.of(channel.name) },
      look: (lasted) => withReports(troubles.look(lasted)),
      // The first one of a program, or one that has lived for long, dies of nothing that it meets at its start.
      mayTellUnsaved: () => isFirst || systemClock.now() - bornAt >= limits.alertUnsavedMs,
    });
  });
  await Promise.all(alarms.map((alarm) => alarm.keepTelling(stopping.signal)));
}

function withReports(seen: Sight): Sight {
  return reports.reduce((sight, report) => report.addTo(sight), seen);
}

function adminDoor(floor: CertificateFloor, watch: BackendWatch): AdminDoor {
  const steps = {
    snapshot: () => snapshotOf(floor, watch),
    metrics: () =>
      scrape({
        ...{ configuredAt, counts, gathering, delay, snapshot: steps.snapshot },
        isRejected: () => rejectionReport.isRejected,
      }),
    drain: ({ host, backend, isDrained }: DrainRequest) => watch.drain(host, backend, isDrained),
    act: (request: HostRequest, tell: (happened: HostEvent) => void) =>
      carryOut(floor, log, request, tell),
    reload: () => askForReload(channel, () => isReplaced, stopping.signal),
    rollOver: ({ directory }: RolloverRequest) => floor.rollOver(directory),
    probe: (host: string) => probe(floor, host),
  };
  return new AdminDoor(config.listen.admin, steps, log);
}

/** Everything that other processes say to this one. */
function receive(
  floor: CertificateFloor,
  watch: BackendWatch,
  message: Message,
  from: Address,
  stop: () => Promise<void>,
): void {
  switch (message.type) {
    case "peers":
      workers = message.workers;
      crashReport.hear(message.crashing);
      strainReport.changed(workers);
      floor.workers.changed(workers);
      gathering.changed(workers);
      break;
    case "drain":
      ({ isReplaced } = message);
      void stop();
      break;
    case "state.ask":
      channel.send(from, {
        type: "state.answer",
        ask: message.ask,
        ticketMaster,
        backends: watch.all,
        ...floor.state,
      });
      break;
    case "certificate.ask":
      void floor.need(message.host, message.client).then((outcome) => {
        channel.send(from, { type: "certificate.answer", ask: message.ask, outcome });
      });
      break;
    case "policy.ask":
      void floor.isAllowed(message.host, message.client).then((answer) => {
        channel.send(from, { type: "policy.answer", ask: message.ask, isAllowed: answer });
      });
      break;
    case "reload.rejected":
      rejectionReport.hear(message.rejection);
      break;
    case "strain.news":
      strainReport.hear(workerIndexOf(from), message.strain);
      break;
    case "rates.spent":
      spentNews.hear(workerIndexOf(from), message.spent);
      break;
    case "counts.last":
      gathering.lastWord(workerIndexOf(from), message.counts);
      break;
    case "challenge.acknowledged":
      floor.workers.acknowledged(message.challenge, workerIndexOf(from));
      break;
    case "certificate.acknowledged":
      floor.workers.acknowledged(message.announcement, workerIndexOf(from));
      break;
    default:
      break; // what is for other processes
  }
}

/** For a name that is one of ours, or would be. */
async function probe(floor: CertificateFloor, host: string): Promise<Probe | undefined> {
  const name = parseUriHost(host);
  if (name === undefined || !(await floor.isAllowed(name, undefined))) return undefined;
  return await floor.probes.arm(name);
}

function snapshotOf(floor: CertificateFloor, watch: BackendWatch): Snapshot {
  const { troubles } = withReports(floor.troubles.look(() => false));
  return takeSnapshot({
    ...{ startedAt, managerStartedAt: bornAt, workers, troubles },
    file: config.file,
    hosts: floor.list(),
    backends: watch.list(),
  });
}

/** Session tickets of before lead to one full handshake each (RFC 9325 §4.4 wants keys changed). */
function rotateTickets(): void {
  ticketMaster = newTicketMaster();
  channel.send("workers", { type: "tickets.master", ticketMaster });
}

function newTicketMaster(): string {
  return randomBytes(32).toString("base64");
}
