import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Fault, Place, SeenRequest } from "./fault-ca.ts";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** A host, a CA with a fault, and what is done about it; times in milliseconds from the start. */
export interface FaultStory {
  readonly hosts: readonly string[];
  /** Without one the CA is well. */
  readonly fault?: Fault;
  /** The CA is well again from then on. */
  readonly mendedAt: number;
  /** Each host has a certificate that is due, those in front of the list later ones, or (`fresh`) one that is not. */
  readonly isRenewal?: boolean | "fresh";
  /** Hosts without a certificate, whatever {@link isRenewal} says of the others. */
  readonly newHosts?: readonly string[];
  /** Hosts without a certificate whose issuer is another CA, which is well. */
  readonly elsewhere?: readonly string[];
  /** Does the CA say when to renew (RFC 9773)? */
  readonly hasWindows?: boolean;
  /** Life of what the CA issues; 90 days unless given. */
  readonly lifeMs?: number;
  /** The machine's wall clock is wrong by so much from each of these times on. */
  readonly clockSteps?: readonly { readonly at: number; readonly byMs: number }[];
  /** The program dies at this event, so often, or a second after its start when it does not come; and starts again at once. */
  readonly deaths?: { readonly at: string; readonly times: number };
  /** An operator asks for the attempt that is waited for. */
  readonly retryAt?: number;
  readonly endsAt: number;
}

/** What came of a {@link FaultStory}. */
export interface FaultOutcome {
  /** What the CA saw. */
  readonly requests: readonly SeenRequest[];
  /** Starts of attempts, and whose. */
  readonly attempts: readonly number[];
  readonly attemptsOf: readonly string[];
  /** Attempts under way at one time. */
  readonly mostInFlight: number;
  readonly failures: readonly { readonly at: number; readonly type: string }[];
  /** When each host got its certificate. */
  readonly issued: Readonly<Record<string, number>>;
  /** State of the first host, as an operator sees it when the CA is mended. */
  readonly stateAtMending: string;
  /** Of every host. */
  readonly statesAtEnd: readonly string[];
  /** How often the program died before it got as far as to begin an order. */
  readonly quietDeaths: number;
  /** Milliseconds that the operator waited for the answer. */
  readonly retryMs: number | undefined;
}

/** Tells them one after another, in a process of their own that counts its time itself. */
export async function tell(stories: readonly FaultStory[]): Promise<readonly FaultOutcome[]> {
  const program = join(import.meta.dirname, "tell-fault-stories.ts");
  const args = [program, JSON.stringify(stories)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 2 ** 20 });
  return JSON.parse(stdout);
}

/** The outcome of the `index`-th story. */
export async function outcomeOf(
  telling: Promise<readonly FaultOutcome[]>,
  index: number,
): Promise<FaultOutcome> {
  return (await telling)[index] ?? assert.fail(`story ${index} has no outcome`);
}

/** How many requests for these. */
export function countOf({ requests }: FaultOutcome, ...places: readonly Place[]): number {
  return requests.filter(({ place }) => places.includes(place)).length;
}

/** The most requests within an hour, of those that came before `end`. */
export function busiestHour({ requests }: FaultOutcome, end: number): number {
  const times = requests.map(({ at }) => at).filter((at) => at < end);
  const within = (from: number) => times.filter((at) => at >= from && at < from + HOUR).length;
  return Math.max(0, ...times.map(within));
}

/** When the host got its certificate; never is infinite. */
export function issuedAt({ issued }: FaultOutcome, host: string): number {
  return issued[host] ?? Number.POSITIVE_INFINITY;
}
