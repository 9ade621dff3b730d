import { type Clock, withDeadline } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { runProgram } from "../base/run-program.ts";
import type { Alerts } from "../config/config.ts";
import { limits } from "../config/limits.ts";
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
interface Way {
  readonly channel: "webhook" | "exec";
  /** Before each further try. */
  readonly waitsMs: readonly number[];
  once(): Promise<void>;
}

/**
 * Hands one notice to every receiver that is configured, each with its own tries (event `alert.failed`
 * for one that did not take it). `true` when at least one has taken it. Never rejects.
 */
export async function deliver(
  steps: ChannelSteps,
  notice: Notice,
  signal: AbortSignal,
): Promise<boolean> {
  const { webhook, exec } = steps.alerts;
  const ways: Promise<boolean>[] = [];
  if (webhook !== undefined) {
    const body = webhookBody(notice, steps.machine);
    const once = () => post(webhook, body, withDeadline(signal, limits.webhookTimeoutMs));
    ways.push(
      insist(steps, { channel: "webhook", waitsMs: limits.webhookWaitsMs, once }, notice, signal),
    );
  }
  if (exec !== undefined) {
    const plan = {
      command: exec,
      environment: environmentOf(notice, steps.machine),
      input: `${JSON.stringify({ ...notice, machine: steps.machine })}\n`,
      timeoutMs: limits.commandTimeoutMs,
    };
    // Once: what it did before it failed, it would do twice.
    const once = () => runProgram(plan, signal);
    ways.push(insist(steps, { channel: "exec", waitsMs: [], once }, notice, signal));
  }
  return (await Promise.all(ways)).includes(true);
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
