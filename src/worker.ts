import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { systemNames } from "./backend/system-names.ts";
import { addressesIn } from "./base/address-range.ts";
import type { CertificateName } from "./base/certificate-name.ts";
import { systemClock, withDeadline } from "./base/clock.ts";
import { tuneCollector } from "./base/collector.ts";
import { Counts } from "./base/counts.ts";
import { codeOf, LatchkeyError, messageOf } from "./base/errors.ts";
import { createLog, failureFacts } from "./base/log.ts";
import { LoopDelay } from "./base/loop-delay.ts";
import { processUse } from "./base/process-use.ts";
import { giveBackStartMemory } from "./base/start-memory.ts";
import type { UriHost } from "./base/uri-host.ts";
import { formatPattern } from "./config/host-pattern.ts";
import { changeLimits, limits } from "./config/limits.ts";
import { buildRoutes, ownNameOf } from "./config/route.ts";
import { Challenges } from "./connection/challenges.ts";
import { ClientShares } from "./connection/client-shares.ts";
import { Credentials } from "./connection/credentials.ts";
import { readGiven } from "./connection/given-credentials.ts";
import { type Listening, listen, OpenConnections } from "./connection/listen.ts";
import { Overload } from "./connection/overload.ts";
import { Passages } from "./connection/passages.ts";
import { servePlainHttp } from "./connection/plain-http.ts";
import { type Reception, receive } from "./connection/receive.ts";
import { RefusalLog } from "./connection/refusal-log.ts";
import { serve } from "./connection/serve.ts";
import { Terminator } from "./connection/terminate.ts";
import { Allowance } from "./connection/usage.ts";
import { accessSink } from "./http/access-log.ts";
import { Relay } from "./http/relay.ts";
import type { CertificateOutcome } from "./process/certificate-news.ts";
import { Channel } from "./process/channel.ts";
import { LOAD_ONLY } from "./process/compiled.ts";
import { ManagerLink } from "./process/manager-link.ts";
import { type Message, workerIndexOf } from "./process/messages.ts";
import { readAddress } from "./process/read-message.ts";
import { StrainNews } from "./process/strain.ts";
import { readCurrent } from "./storage/read-certificate.ts";

/** The process of the connection path: every client connection of one core, and nothing of the certificate path. */
if (process.argv[2] === LOAD_ONLY) process.exit();
const self = readAddress(process.argv[2]);
if (self === undefined) throw new TypeError("Not started by a supervisor");
const ownIndex = workerIndexOf(self);
const { channel, configure } = await Channel.connect(self);
const { config } = configure;
tuneCollector();
changeLimits(config.limits);
const manager = new ManagerLink(channel);
const strain = new StrainNews((news) => {
  channel.send("manager", { type: "strain.news", strain: news });
});
const log = createLog({ ...config.log, process: self });
const routes = buildRoutes(config.hosts);
const challenges = new Challenges();
const ownHosts = config.hosts.slice(0, limits.metricsHostsMax);
const counts = new Counts(ownHosts.map(({ pattern }) => formatPattern(pattern)));
const delay = new LoopDelay();
const terminator = new Terminator(randomBytes(32), limits.contextsMax, undefined, counts);
const stopping = new AbortController();
const listening: Listening[] = [];
/** A wait that nothing cuts short. */
const NEVER = new AbortController().signal;

const credentials = new Credentials(
  {
    load: async (host) =>
      (await readCurrent(join(config.storage, "certificates"), host))?.credential,
    loadManual: readGiven,
    ask: askForCertificate,
  },
  systemClock,
);
const publicHttpsPort = config.listen.publicHttpsPort ?? limits.httpsPort;
const isTrustedProxy = addressesIn(config.trustedProxies);
const names = systemNames(log);
const refusals = new RefusalLog(log, systemClock, counts);
const told = {
  access: accessSink(config.log, configure.accessLogFd, {
    process: self,
    log,
    failing: (why) => strain.change({ accessLog: why }),
  }),
  tellsQuery: config.log.query,
};
const relay = new Relay({
  names,
  hosts: config.hosts,
  place: { index: configure.place, of: config.workers },
  log,
  clock: systemClock,
  findRoute: (host) => routes.find(host),
  isTrustedProxy,
  publicHttpsPort,
  ...told,
  counts,
  refused: (facts) => refusals.report(facts),
  tellSpent: (spent) => channel.send("manager", { type: "rates.spent", spent }),
});

const allowance = new Allowance(config.workers);
const overload = new Overload(log, relay);
const open = new OpenConnections(allowance.connections, overload, counts);
setInterval(() => {
  overload.look(allowance.look());
  strain.change({ refusing: overload.refusing });
}, limits.overloadLookMs).unref();

process.on("uncaughtException", (error) => {
  log.error("worker.failed", { ...failureFacts(error), stack: error.stack });
  void drain(limits.crashDrainMs, 1);
});
let exitCode = 0;
channel.open({ message: receiveMessage, orphaned: () => void drain(limits.drainMaxMs, 0) });
await start();

/** What the manager knows first, then the doors open: no worker answers before it knows the challenges. */
async function start(): Promise<void> {
  await synchronise();
  const reception: Reception = {
    refusals,
    shares: new ClientShares(isTrustedProxy, allowance.connectionsPerClient),
    isLoadBalancer: addressesIn(config.listen.proxyProtocol),
  };
  const passages = new Passages();
  const steps = { routes, challenges, credentials, terminator, relay, names, passages, isServed };
  const plain = {
    findChallenge: (host: UriHost, token: string) => challenges.keyAuthorization(host, token),
    isServed,
    publicHttpsPort,
    now: () => systemClock.now(),
    counts,
    isTrustedProxy,
    ...told,
  };
  try {
    allowance.confirmUsable();
    for (const fd of configure.httpsFds) {
      listening.push(
        await listen(fd, open, (socket) => {
          void receive(socket, reception, (own, arrival) => serve(own, arrival, steps));
        }),
      );
    }
    for (const fd of configure.httpFds) {
      listening.push(
        await listen(fd, open, (socket) => {
          void receive(socket, reception, (own, { ends }) =>
            servePlainHttp(own, ends.source.address, plain),
          );
        }),
      );
    }
    channel.send("supervisor", { type: "ready" });
    void credentials.readAhead(config.hosts, stopping.signal);
    giveBackStartMemory(limits.startMemoryAfterMs);
  } catch (error) {
    channel.send("supervisor", {
      type: "fatal",
      code: codeOf(error) ?? "unknown",
      detail: messageOf(error),
    });
    void drain(limits.crashDrainMs, 1); // one that takes nobody must not fill a place
  }
}

/** Everything that other processes say to this one. */
function receiveMessage(message: Message): void {
  switch (message.type) {
    case "drain":
      void drain(message.deadlineMs, 0);
      break;
    case "peers":
      manager.peersChanged(message.manager);
      if (message.manager === "ready") strain.repeat();
      break;
    case "tickets.master":
      terminator.rotate(Buffer.from(message.ticketMaster, "base64"));
      break;
    case "backends.news":
      relay.hear(message.backends);
      break;
    case "rates.news":
      relay.hearSpent(message.spent.filter(({ worker }) => worker !== ownIndex));
      break;
    case "challenge.arm":
      challenges.arm(message.challenge);
      channel.send("manager", { type: "challenge.acknowledged", challenge: message.challenge.id });
      break;
    case "challenge.disarm":
      challenges.disarm(message.challenge);
      break;
    case "certificate.announce":
      void swapIn(message);
      break;
    case "serial.ask": {
      const { ask, host } = message;
      const serial = credentials.servedSerial(host);
      channel.send("manager", { type: "serial.answer", ask, serial });
      break;
    }
    case "counts.ask": {
      const { ask, withDelays } = message;
      const delays = withDelays ? delay.take() : undefined;
      const answer = { ask, counts: counts.take(), use: processUse(String(self)), delays };
      channel.send("manager", { type: "counts.answer", ...answer });
      break;
    }
    default:
      break; // what is for other processes
  }
}

/** Serves the new certificate from the next handshake on, and says so. */
async function swapIn(news: Extract<Message, { type: "certificate.announce" }>): Promise<void> {
  const { announcement, host } = news;
  let serial: string | undefined;
  try {
    serial = await credentials.announced(news);
  } catch (error) {
    log.error("certificate.swap-failed", { host, ...failureFacts(error) });
  }
  channel.send("manager", { type: "certificate.acknowledged", announcement, host, serial });
}

/** Asks the manager for what is not on disk; serving does not depend on an answer. */
async function synchronise(): Promise<void> {
  try {
    const signal = withDeadline(stopping.signal, limits.syncTimeoutMs);
    const state = await manager.ask((ask) => ({ type: "state.ask", ask }), signal);
    if (state.type !== "state.answer") return;
    terminator.rotate(Buffer.from(state.ticketMaster, "base64"));
    relay.hear(state.backends);
    for (const challenge of state.challenges) challenges.arm(challenge);
    for (const held of state.unsaved) await credentials.announced({ ...held, held });
  } catch (error) {
    log.debug("worker.unsynchronised", failureFacts(error));
  }
}

async function askForCertificate(
  host: CertificateName,
  signal: AbortSignal,
  visitor: string | undefined,
): Promise<CertificateOutcome> {
  const client = clientIn(visitor);
  const answer = await manager.ask(
    (ask) => ({ type: "certificate.ask", ask, host, client }),
    signal,
  );
  return answer.type === "certificate.answer" ? answer.outcome : { kind: "unavailable" };
}

/** Is there, or may there be, a site under this name? */
async function isServed(host: UriHost, visitor: string): Promise<boolean> {
  const route = routes.find(host);
  if (route === undefined || route.action.kind === "certificate-only") return false;
  if (route.certificate.kind !== "acme" || ownNameOf(route) !== undefined) return true;
  try {
    const signal = withDeadline(stopping.signal, limits.askTimeoutMs + limits.syncTimeoutMs);
    const client = clientIn(visitor);
    const answer = await manager.ask((ask) => ({ type: "policy.ask", ask, host, client }), signal);
    return answer.type === "policy.answer" && answer.isAllowed;
  } catch {
    return false; // nobody can say that it is allowed
  }
}

/** Behind a proxy that we trust is not one client, but everybody. */
function clientIn(visitor: string | undefined): string | undefined {
  return visitor === undefined || isTrustedProxy(visitor) ? undefined : visitor;
}

/**
 * Takes no more connections, lets the open ones finish, and ends the process. Called again, the nearer end counts,
 * and a fault of ours is not forgotten.
 */
async function drain(deadlineMs: number, code: number): Promise<void> {
  exitCode ||= code;
  if (!stopping.signal.aborted) closeDoors();
  await open.drain(deadlineMs, NEVER, (connections) => {
    relay.blame("the time to finish was over: this worker was to end");
    log.warn("worker.cut", { connections, deadlineMs });
  });
  channel.send("manager", { type: "counts.last", counts: counts.take() });
  process.exit(exitCode);
}

function closeDoors(): void {
  stopping.abort(new LatchkeyError("PROCESS_UNREACHABLE", "Cannot go on: this worker is stopping"));
  for (const each of listening) each.close();
  channel.send("supervisor", { type: "closed" });
  relay.drain();
}
