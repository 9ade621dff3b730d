import type { CertificateName } from "../base/certificate-name.ts";
import { LatchkeyError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { ChallengeType } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { ArmedChallenge } from "../process/certificate-news.ts";
import type { ManagerToWorkers } from "../process/messages.ts";
import type { Acknowledgements } from "./acknowledge.ts";

/** What is to be answered, before it has a number. */
export type Challenge =
  | {
      readonly type: "http-01";
      readonly host: UriHost;
      readonly token: string;
      readonly keyAuthorization: string;
    }
  | {
      readonly type: "tls-alpn-01";
      readonly host: UriHost;
      readonly chain: string;
      readonly key: string;
    };

/** What is to be proven by a record in DNS (RFC 8555 §8.4): no worker has to answer it. */
export interface DnsChallenge {
  readonly type: "dns-01";
  /** What the certificate is for: a host and its wildcard are proven by the same name. */
  readonly certificate: CertificateName;
  /** The value of the TXT record. */
  readonly value: string;
}

/**
 * The challenges that every worker answers right now. They live in memory only, and are answered
 * as often as asked until disarmed: a CA looks from several places (RFC 8555 §8.2).
 */
export class Challenges {
  readonly #armed = new Map<number, ArmedChallenge>();
  readonly #acknowledgements: Acknowledgements;
  readonly #broadcast: (message: ManagerToWorkers) => void;
  readonly #log: Log;

  constructor(
    acknowledgements: Acknowledgements,
    broadcast: (message: ManagerToWorkers) => void,
    log: Log,
  ) {
    this.#acknowledgements = acknowledgements;
    this.#broadcast = broadcast;
    this.#log = log;
  }

  /** For a worker that starts now. */
  get armed(): readonly ArmedChallenge[] {
    return [...this.#armed.values()];
  }

  /**
   * Resolves when every worker answers the challenge, or some do and the others take too long. The
   * caller disarms it with the returned function, in every outcome.
   *
   * @throws {LatchkeyError} `PROCESS_UNREACHABLE` when no worker says that it answers: a CA would find nothing.
   */
  async arm(challenge: Challenge): Promise<() => void> {
    const id = this.#acknowledgements.nextRound();
    const armed: ArmedChallenge = { ...challenge, id };
    this.#armed.set(id, armed);
    const acknowledged = this.#acknowledgements.wait(id, limits.acknowledgeTimeoutMs);
    this.#broadcast({ type: "challenge.arm", challenge: armed });
    const disarm = () => {
      if (this.#armed.delete(id)) this.#broadcast({ type: "challenge.disarm", challenge: id });
    };
    const { host } = challenge;
    const outcome = await acknowledged;
    if (outcome !== "all") this.#log.warn("challenge.unacknowledged", { host });
    // With nobody left to wait for, all have acknowledged it.
    if (outcome !== "none" && this.#acknowledgements.workers.length > 0) return disarm;
    disarm();
    const why = "no worker says that it answers";
    throw new LatchkeyError("PROCESS_UNREACHABLE", `Cannot arm a challenge for ${host}: ${why}`);
  }
}

/** What is known of the attempt before: the challenge that failed, and of what. */
export interface FailedChallenge {
  readonly failedChallenge: string | undefined;
  readonly lastError: { readonly type: string } | undefined;
}

/**
 * The types in the order in which they are to be tried, after one did not do. A name that DNS has no address for has
 * no door either, so that only a record is left (`dns-01`).
 */
export function challengesAfter(
  types: readonly ChallengeType[],
  { failedChallenge: failed, lastError }: FailedChallenge,
): readonly ChallengeType[] {
  const next = types.map(String).indexOf(failed ?? "") + 1;
  const turned = [...types.slice(next), ...types.slice(0, next)];
  const isDoorless = lastError?.type === UNRESOLVED && failed !== "dns-01";
  const [records, doors] = [turned.filter(isRecord), turned.filter((type) => !isRecord(type))];
  return isDoorless ? [...records, ...doors] : turned;
}

/** What a CA says of a name that it could not look up. */
const UNRESOLVED = "urn:ietf:params:acme:error:dns";

function isRecord(type: ChallengeType): boolean {
  return type === "dns-01";
}
