import { closeSync } from "node:fs";
import { systemClock } from "./base/clock.ts";
import { releaseHangups } from "./base/early-hangups.ts";
import { type Facts, messageOf } from "./base/errors.ts";
import { createLog, failureFacts, type Log } from "./base/log.ts";
import type { ReloadOutcome } from "./base/reload-outcome.ts";
import { giveBackStartMemory } from "./base/start-memory.ts";
import type { Config } from "./config/config.ts";
import { describeChanges } from "./config/describe.ts";
import { FaultyConfig, formatFault } from "./config/faults.ts";
import { changeLimits, limits } from "./config/limits.ts";
import { openAccessLog } from "./process/access-log-file.ts";
import { compileAll, compiledCodeOf, trustedFolder } from "./process/compiled.ts";
import { watchConfig } from "./process/config-watch.ts";
import { type Doors, openDoors } from "./process/doors.ts";
import { Fleet } from "./process/fleet.ts";
import type { FleetPlan } from "./process/fleet-plan.ts";
import type { Listeners } from "./process/listeners.ts";
import { oneAtATime } from "./process/one-at-a-time.ts";
import { type FleetParts, firstPort, planFleet } from "./process/plan-fleet.ts";
import { rejectionOf } from "./process/rejection-report.ts";
import { onSignals } from "./process/signals.ts";

/** How the program is run. */
export interface SupervisorOptions {
  readonly config: Config;
  /** Reads the configuration again (SIGHUP); rejects when it has faults, which were reported. */
  reload(): Promise<Reread>;
  /** Called once, when every child is ready and connections are taken; the ports are the first ones of each kind. */
  onReady?(ports: Ports): void;
}

/** A configuration that was read again, and what whoever asked for it should know of it, a line each. */
export interface Reread {
  readonly config: Config;
  readonly remarks: readonly string[];
}

interface Ports {
  readonly https: number;
  readonly http: number;
}

const compiledCode = compiledCodeOf(process.env);

/**
 * The whole life of the program in its first process, which holds the listening sockets and starts
 * the others, parses nothing from any network and keeps no key.
 *
 * @returns The exit code: 0 drained, 1 cannot run or stopped at once.
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const history = historyFrom(systemClock.now());
  let config = options.config;
  changeLimits(config.limits);
  const log = createLog({ ...config.log, process: "supervisor" });
  const doors = openDoors(config.listen, log);
  let access = openAccessLog(config);
  tellUnbound(doors.current, log);
  const ended = Promise.withResolvers<number>();
  let [hasStarted, isEnding] = [false, false];

  const plan = () => planFor({ config, listeners: doors.current, accessFd: access, history });
  const fleet = new Fleet(plan(), systemClock, log, {
    fatal: (code, detail) => {
      tellFatal(code, detail, log, hasStarted);
      if (!hasStarted) ended.resolve(1); // else the fleet goes on trying, and what is served stays served
    },
    reload: (answer) => reload(answer),
  });

  const ignoreSignals = onSignals({
    drain: () => {
      isEnding = true;
      log.info("process.draining", { deadlineMs: limits.drainMaxMs });
      void fleet.drain(limits.drainMaxMs).then(() => ended.resolve(0));
      doors.closeAll();
    },
    stopAtOnce: () => ended.resolve(1),
    reload: () => reload(),
  });
  let isReloadOwed = releaseHangups();

  /** One whose children never become ready does not keep the next one waiting for ever. */
  const reload = oneAtATime<ReloadOutcome>(async (tell) => {
    isReloadOwed = false;
    try {
      const { config: next, remarks } = await options.reload();
      if (isEnding) return; // meanwhile: the sockets are closed
      const [before, reopened] = [access, reopen(doors, next)];
      tell(acceptedWith(describeChanges(config, next), remarks, tellUnbound(doors.current, log)));
      [config, access, history.configuredAt] = [next, reopened, systemClock.now()];
      history.rejection = undefined;
      changeLimits(config.limits);
      const reloaded = fleet.replace(plan()).then(() => {
        doors.closeUnused();
        if (before !== undefined) closeSync(before);
        log.info("config.reloaded", { file: next.file, hosts: next.hosts.length });
      });
      await within(limits.reloadMaxMs, reloaded);
    } catch (error) {
      tell(rejected({ history, fleet, log }, config, error));
    }
  });

  const isServing = () => hasStarted && !isEnding;
  const stopLooking = lookAround(() => config, {
    missing: () => isServing() && openMissing(doors, config, log) && void fleet.replace(plan()),
    changed: () => isServing() && reload(),
  });

  void fleet.start().then(() => {
    hasStarted = true;
    options.onReady?.(tellStarted(config, portsOf(doors.current), log));
    if (isReloadOwed) reload();
  });
  const code = await ended.promise;
  fleet.kill();
  stopLooking();
  ignoreSignals();
  doors.closeAll();
  return endingSoon(code);
}

/** What children are told of the configuration that they get. */
interface History {
  readonly startedAt: number;
  configuredAt: number;
  rejection: string | undefined;
}

function historyFrom(startedAt: number): History {
  return { startedAt, configuredAt: startedAt, rejection: undefined };
}

/** A reload was rejected: this manager is told, and the ones after it, until one is accepted; and whoever asked for it. */
function rejected(
  { history, fleet, log }: { history: History; fleet: Fleet; log: Log },
  config: Config,
  error: unknown,
): ReloadOutcome {
  const rejection = rejectionOf(error);
  history.rejection = rejection;
  fleet.tellManager({ type: "reload.rejected", rejection });
  log.error("config.rejected", rejectionFacts(config, error));
  const faults = error instanceof FaultyConfig ? error.faults.map(formatFault) : [];
  return { kind: "rejected", why: messageOf(error), faults };
}

/** A log that nobody reads must not keep the program from ending. */
function endingSoon(code: number): number {
  setTimeout(() => process.exit(), limits.lastWordsMs).unref();
  return code;
}

function tellFatal(code: string, message: string, log: Log, hasStarted: boolean): void {
  log.error("process.fatal", { code, message });
  if (!hasStarted) process.stderr.write(`latchkey: ${message}\n`);
}

/** Looks by itself whether what could not be listened on can be now, and whether the configuration has changed. */
function lookAround(
  config: () => Config,
  { missing, changed }: Readonly<Record<"missing" | "changed", () => void>>,
): () => void {
  const retrying = setInterval(missing, limits.listenRetryEveryMs);
  const unwatch = watchConfig(config, changed);
  return () => {
    clearInterval(retrying);
    unwatch();
  };
}

/** Into the log; and in words, for whoever asked for a reload and waits for its outcome. */
function tellUnbound({ unbound }: Listeners, log: Log): readonly string[] {
  const retryEveryMs = limits.listenRetryEveryMs;
  for (const { address, why } of unbound)
    log.error("listen.failed", { address, message: why, retryEveryMs });
  return unbound.map(({ why }) => `${why}; tried again every ${retryEveryMs / 1_000} s`);
}

/** `true` when something can be listened on now that could not be before. */
function openMissing(doors: Doors, { listen }: Config, log: Log): boolean {
  const opened = doors.retry(listen);
  for (const address of opened) log.info("listen.opened", { address });
  return opened.length > 0;
}

function acceptedWith(...lines: readonly (readonly string[])[]): ReloadOutcome {
  return { kind: "accepted", changes: lines.flat() };
}

/** Of many faults the first one stands for all, which are on standard error. */
function rejectionFacts({ file }: Config, error: unknown): Facts {
  const [first] = error instanceof FaultyConfig ? error.faults : [];
  return { file, ...failureFacts(error), fault: first && formatFault(first) };
}

/** All that the next configuration wants open; when something of it cannot be had, nothing of it stays open. */
function reopen(doors: Doors, next: Config): number | undefined {
  const reopened = openAccessLog(next);
  try {
    doors.change(next.listen);
    return reopened;
  } catch (error) {
    if (reopened !== undefined) closeSync(reopened);
    throw error;
  }
}

/** Resolves with `work`, or when its time is up; the work goes on. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms).unref(); // it must not outlive the end of the program
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

function planFor(parts: Omit<FleetParts, "compiledCode">): FleetPlan {
  // Asked anew for each child: the folder may have come meanwhile.
  return planFleet({ ...parts, compiledCode: () => compiledCode && trustedFolder(compiledCode) });
}

/** Then it settles down: the next start, and every child that is started again, finds everything compiled. */
function tellStarted(config: Config, ports: Ports, log: Log): Ports {
  log.info("process.started", { hosts: config.hosts.length, workers: config.workers, ...ports });
  giveBackStartMemory(limits.startMemoryAfterMs);
  setTimeout(async () => {
    try {
      const isNew = compiledCode !== undefined && (await compileAll(compiledCode));
      if (isNew) log.debug("code.compiled", { ...compiledCode });
    } catch (error) {
      log.debug("code.uncompiled", failureFacts(error)); // slower starts, and nothing else
    }
  }, limits.compileAfterMs).unref();
  return ports;
}

function portsOf({ https, http }: Listeners): Ports {
  return { https: firstPort(https), http: firstPort(http) };
}
