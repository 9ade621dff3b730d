import { type CertificateName, parseCertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { type ProgramPlan, runProgram } from "../base/run-program.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Trouble } from "../base/trouble.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Certificates } from "../storage/certificates.ts";
import type { CommandRun, CommandRuns } from "../storage/command-runs.ts";
import type { Holding } from "./records.ts";

/** What the commands need from their surroundings. */
export interface CommandSteps {
  holdings(): Iterable<Holding>;
  findHost(host: CertificateName): Host | undefined;
  readonly store: Pick<CommandRuns, "load" | "save" | "currentOf">;
  readonly certificates: Pick<Certificates, "keepWhile">;
  readonly clock: Clock;
  readonly log: Log;
}

const NONE: CommandRun = {
  ...{ serial: undefined, failures: 0 },
  ...{ nextAttemptAt: undefined, detail: undefined },
};

/**
 * Runs `onCertificate`: once for each certificate that is stored and swapped in, again and again with
 * growing waits until it ends well. What has been run for which certificate is on disk, so that a
 * restart runs what has not been run, and nothing else.
 */
export class Commands {
  readonly #steps: CommandSteps;
  readonly #runs = new Map<CertificateName, CommandRun>();
  readonly #underWay = new Set<CertificateName>();
  readonly #slots = new Semaphore(limits.commandsInFlightMax);

  constructor(steps: CommandSteps) {
    this.#steps = steps;
  }

  /** Looks which commands are due, and runs them, until the signal ends it and them. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#steps;
    while (!signal.aborted) {
      let waitMs: number = limits.commandIdleMs;
      for (const { host, certificate, isOrdering } of this.#steps.holdings()) {
        const command = this.#steps.findHost(host)?.onCertificate;
        if (command !== undefined) waitMs = limits.commandCheckEveryMs;
        // While it orders, the new certificate may be stored and not swapped in yet.
        const isThere = certificate !== undefined && certificate.unsaved === undefined;
        if (command === undefined || !isThere || isOrdering || this.#underWay.has(host)) continue;
        this.#underWay.add(host);
        void this.#runIfDue(host, command, certificate.serial, signal).finally(() =>
          this.#underWay.delete(host),
        );
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }

  /** Commands that failed the last time they were run. */
  troubles(): Trouble[] {
    return [...this.#runs].flatMap(([host, { failures, detail, nextAttemptAt }]) =>
      failures === 0 || detail === undefined
        ? []
        : [
            {
              ...({ kind: "command.failing", host, severity: "warning" } as const),
              message: `The command that is to take over the new certificate of ${host} fails`,
              detail,
              hint: `Run its onCertificate by hand with "${host}" and "${this.#steps.store.currentOf(host)}".`,
              nextAttemptAt,
            },
          ],
    );
  }

  /** Is it known, since the program started, how the command of this name went? */
  isKnown(host: string): boolean {
    const name = parseCertificateName(host);
    return name !== undefined && this.#runs.has(name);
  }

  async #runIfDue(
    host: CertificateName,
    command: readonly string[],
    serial: string,
    signal: AbortSignal,
  ): Promise<void> {
    const before = await this.#recall(host);
    if (before === undefined || before.serial === serial) return;
    if ((before.nextAttemptAt ?? 0) > this.#steps.clock.now()) return;
    const run = (folder: string) =>
      this.#run(host, planFor({ host, command, serial, folder }), before, signal);
    await this.#slots.run(() => this.#runOver(host, serial, run), signal).catch(() => undefined);
  }

  /**
   * The command gets the folder of this very certificate, which stays as it is while it runs: under `current` a renewal
   * could change it between chain and key. What is stored no longer has a successor, which the next look finds.
   */
  async #runOver(
    host: CertificateName,
    serial: string,
    run: (folder: string) => Promise<void>,
  ): Promise<void> {
    try {
      await this.#steps.certificates.keepWhile(host, serial, run);
    } catch (error) {
      this.#steps.log.warn("storage.unreadable", { host, ...failureFacts(error) });
    }
  }

  async #run(
    host: CertificateName,
    plan: ProgramPlan & { readonly serial: string },
    before: CommandRun,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log } = this.#steps;
    const { serial } = plan;
    const failures = before.failures + 1;
    const waits = limits.commandWaitsMs;
    const nextAttemptAt = clock.now() + (waits[failures - 1] ?? waits.at(-1) ?? 0);
    await this.#remember(host, { ...before, failures, nextAttemptAt });
    const startedAt = performance.now();
    try {
      await runProgram(plan, signal);
      const durationMs = Math.round(performance.now() - startedAt);
      await this.#remember(host, { ...NONE, serial });
      log.info("command.done", { host, serial, durationMs });
    } catch (error) {
      if (signal.aborted) return; // it is run again at the next start
      await this.#remember(host, { ...before, failures, nextAttemptAt, detail: messageOf(error) });
      log.error("command.failed", {
        ...{ host, serial, attempt: failures, ...failureFacts(error) },
        nextAttemptAt: formatTime(nextAttemptAt),
      });
    }
  }

  /** `undefined` while storage does not say. */
  async #recall(host: CertificateName): Promise<CommandRun | undefined> {
    const known = this.#runs.get(host);
    if (known !== undefined) return known;
    try {
      const run = (await this.#steps.store.load(host)) ?? NONE;
      this.#runs.set(host, run);
      return run;
    } catch (error) {
      this.#steps.log.warn("storage.unreadable", { host, ...failureFacts(error) });
      return undefined;
    }
  }

  async #remember(host: CertificateName, run: CommandRun): Promise<void> {
    this.#runs.set(host, run);
    try {
      await this.#steps.store.save(host, run);
    } catch (error) {
      this.#steps.log.error("storage.failed", { host, ...failureFacts(error) });
    }
  }
}

interface Run {
  readonly host: CertificateName;
  readonly command: readonly string[];
  readonly serial: string;
  readonly folder: string;
}

function planFor({ host, command, serial, folder }: Run) {
  return {
    serial,
    command: [...command, host, folder],
    environment: { LATCHKEY_HOST: host, LATCHKEY_FOLDER: folder, LATCHKEY_SERIAL: serial },
    input: "",
    timeoutMs: limits.commandTimeoutMs,
  };
}
