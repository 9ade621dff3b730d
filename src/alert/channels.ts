import { type Clock, withDeadline } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { runProgram } from "../base/run-program.ts";
import type { Alerts } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { AlertChannel } from "../storage/told-troubles.ts";
import { environmentOf, type Notice, webhookBody } from "./notice.ts";
import { post, WebhookRefusal } from "./webhook.ts";

/** What the channels need from their surroundings. */
export interface ChannelSteps {
  readonly alerts: Alerts;
  /** The name of this machine, for receivers of several. */
  readonly machine: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** One way to a person. */
export interface Channel {
  readonly name: AlertChannel;
  /**
   * Hands it a notice, as often as is sensible (event `alert.failed` for each time that it did not take it).
   * `true` when it has taken it. Never rejects.
   */
  deliver(notice: Notice, signal: AbortSignal): Promise<boolean>;
}

/** Those that are configured. */
export function channelsOf(steps: ChannelSteps): readonly Channel[] {
  const { webhook, exec } = steps.alerts;
  const channels: Channel[] = [];
  if (webhook !== undefined) channels.push(webhookChannel(steps, webhook));
  if (exec !== undefined) channels.push(programChannel(steps, exec));
  return channels;
}

function webhookChannel(steps: ChannelSteps, url: string): Channel {
  const deliver = (notice: Notice, signal: AbortSignal) => {
    const body = webhookBody(notice, steps.machine);
    const once = () => post(url, body, withDeadline(signal, limits.webhookTimeoutMs));
    const way: Way = { channel: "webhook", waitsMs: limits.webhookWaitsMs, once };
    return insist(steps, way, notice, signal);
  };
  return { name: "webhook", deliver };
}

function programChannel(steps: ChannelSteps, command: readonly string[]): Channel {
  const deliver = (notice: Notice, signal: AbortSignal) => {
    const plan = {
      command,
      environment: environmentOf(notice, steps.machine),
      input: `${JSON.stringify({ ...notice, machine: steps.machine })}\n`,
      timeoutMs: limits.commandTimeoutMs,
    };
    // Once: what it did before it failed, it would do twice.
    const way: Way = { channel: "exec", waitsMs: [], once: () => runProgram(plan, signal) };
    return insist(steps, way, notice, signal);
  };
  return { name: "exec", deliver };
}

/** What is done with one notice. */
interface Way {
  readonly channel: AlertChannel;
  /** Before each further try. */
  readonly waitsMs: readonly number[];
  once(): Promise<void>;
}

/** Again and again, with growing waits, as often as is sensible. */
async function insist(
  { clock, log }: ChannelSteps,
  { channel, waitsMs, once }: Way,
  { key, state }: Notice,
  signal: AbortSignal,
): Promise<boolean> {
  for (const [index, waitMs] of [...waitsMs, undefined].entries()) {
    try {
      await once();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      const willRetry = waitMs !== undefined && mayPass(error);
      const facts = { alert: key, state, channel, attempt: index + 1, willRetry };
      log.warn("alert.failed", { ...facts, ...failureFacts(error) });
      if (!willRetry) return false;
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return false;
    }
  }
  return false;
}

function mayPass(error: unknown): boolean {
  return !(error instanceof WebhookRefusal) || error.isPassing;
}
