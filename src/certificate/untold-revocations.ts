import { X509Certificate } from "node:crypto";
import { Bell } from "../base/bell.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { keyOf, type Trouble } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { RevokedKey, RevokedKeys, UntoldRevocation } from "../storage/revoked-keys.ts";
import { type RevocationReason, readReason } from "./revocation.ts";

/** What telling CAs of revocations needs from its surroundings. */
export interface UntoldSteps {
  readonly storage: { readonly revokedKeys: Pick<RevokedKeys, "all" | "save"> };
  /** Tells the CA; rejects with its reasons, `HOST_REFUSED` when it is none of the host's any more. */
  revoke(name: CertificateName, untold: UntoldRevocation, reason: RevocationReason): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0, below 1. */
  random(): number;
}

/** What this program has tried to tell a CA in vain. */
interface Failures {
  readonly count: number;
  readonly why: string;
  /** Milliseconds since the epoch; `undefined`: not before the configuration names that CA again. */
  readonly nextAttemptAt: number | undefined;
}

type Untold = RevokedKey & {
  readonly host: CertificateName;
  readonly untold: UntoldRevocation;
};

const KIND = "revocation.failing";

/**
 * What was revoked here and its CA has not confirmed: it is told again and again, with growing waits, until the CA has
 * its last word, or nobody would believe the certificate any more; a person is told while it cannot be reached.
 */
export class UntoldRevocations {
  readonly #steps: UntoldSteps;
  /** By serial. */
  readonly #failures = new Map<string, Failures>();
  /** Names whose operator waits for the CA's answer. */
  readonly #underWay = new Set<CertificateName>();
  /** Rings when there is something to tell, or to wait for. */
  readonly #bell = new Bell();

  constructor(steps: UntoldSteps) {
    this.#steps = steps;
  }

  /** Runs an operator's revocation; what it has still to tell is left to it until it ends. */
  async during<Value>(name: CertificateName, work: () => Promise<Value>): Promise<Value> {
    this.#underWay.add(name);
    try {
      return await work();
    } finally {
      this.#underWay.delete(name);
      this.#bell.ring();
    }
  }

  /** Those of this name whose CA can be told. */
  of(name: CertificateName): readonly UntoldRevocation[] {
    return this.#all()
      .filter(({ host, untold }) => host === name && !this.#isForeign(untold))
      .map(({ untold }) => untold);
  }

  /** Tells the CA; rejects with its reasons. What was its last word is not told again. */
  async tell(name: CertificateName, untold: UntoldRevocation): Promise<void> {
    const { log, revoke } = this.#steps;
    const { serial, issuer } = untold;
    const reason = readReason(untold.reason) ?? "unspecified";
    try {
      await revoke(name, untold, reason);
    } catch (error) {
      const nextAttemptAt = isLastWord(error) ? undefined : this.#putOff(untold, error);
      if (isLastWord(error)) await this.#settle(name, untold);
      log.error("certificate.revoke-failed", {
        ...{ host: name, serial, ...failureFacts(error) },
        nextAttemptAt: nextAttemptAt && formatTime(nextAttemptAt),
      });
      throw error;
    }
    log.warn("certificate.revoked", { host: name, serial, issuer, reason });
    await this.#settle(name, untold);
  }

  /** Is it tried again without anybody's doing? */
  isTriedAgain(untold: UntoldRevocation): boolean {
    const { serial } = untold;
    return this.#all().some((each) => each.untold.serial === serial) && !this.#isForeign(untold);
  }

  /** Tells the CAs what they have not heard yet, until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#steps;
    while (!signal.aborted) {
      for (const { host, untold } of this.#all()) {
        if (signal.aborted || this.#underWay.has(host)) continue;
        if (hasExpired(untold, clock.now())) await this.#settle(host, untold);
        else if (this.#waitFor(untold) <= 0) await this.tell(host, untold).catch(() => undefined); // told in the log
      }
      const waits = this.#all().map(({ untold }) => this.#waitFor(untold));
      // What an operator is about to tell is due all the time: the bell rings when that has ended.
      const nextMs = Math.min(limits.revocationAgainMaxMs, ...waits.filter((ms) => ms > 0));
      await this.#bell.sleep(clock, nextMs, signal);
    }
  }

  /** CAs that could not be told when that was last tried, for each name. */
  troubles(): Trouble[] {
    const failed = this.#all().flatMap(({ host, untold }) => {
      const failures = this.#failures.get(untold.serial);
      return failures === undefined ? [] : [{ host, untold, failures }];
    });
    return [...Map.groupBy(failed, ({ host }) => host)].flatMap(([host, [first, ...others]]) => {
      if (first === undefined) return [];
      const { untold, failures } = first;
      const serials = [first, ...others].map((each) => each.untold.serial).join(", ");
      return [
        {
          ...({ kind: KIND, host, severity: "warning" } as const),
          message: `Its CA has not heard that ${serials} of ${host} is revoked`,
          detail: failures.why,
          hint: this.#isForeign(untold)
            ? `Put ${untold.issuer} among the issuers of ${host} again, and run: latchkey reload`
            : `Nothing needs to be done unless it lasts: it is told again by itself. See whether this machine reaches ${untold.issuer}.`,
          nextAttemptAt: failures.nextAttemptAt,
        },
      ];
    });
  }

  /** Has nobody tried yet, since the program started, to tell what was not told before? */
  isUndecided(key: string): boolean {
    return this.#all().some(
      ({ host, untold }) =>
        keyOf({ kind: KIND, host }) === key && !this.#failures.has(untold.serial),
    );
  }

  /** Does the configuration not name its CA any more? */
  #isForeign({ serial }: UntoldRevocation): boolean {
    const failures = this.#failures.get(serial);
    return failures !== undefined && failures.nextAttemptAt === undefined;
  }

  /** Milliseconds until it is told again; none for what was not tried yet. */
  #waitFor({ serial }: UntoldRevocation): number {
    const failures = this.#failures.get(serial);
    if (failures === undefined) return 0;
    const waitMs = (failures.nextAttemptAt ?? Number.POSITIVE_INFINITY) - this.#steps.clock.now();
    // A later moment was named under another clock.
    return Number.isFinite(waitMs) ? Math.min(waitMs, limits.revocationAgainMaxMs) : waitMs;
  }

  /** When it is told again, in milliseconds since the epoch. */
  #putOff({ serial }: UntoldRevocation, error: unknown): number | undefined {
    const { clock, random } = this.#steps;
    const count = (this.#failures.get(serial)?.count ?? 0) + 1;
    const ladderMs = limits.revocationAgainMinMs * 2 ** Math.min(count - 1, 10);
    const waitMs = Math.min(ladderMs, limits.revocationAgainMaxMs) * (1 - limits.jitter * random());
    const isForeign = codeOf(error) === "HOST_REFUSED";
    const nextAttemptAt = isForeign ? undefined : Math.round(clock.now() + waitMs);
    this.#failures.set(serial, { count, why: messageOf(error), nextAttemptAt });
    return nextAttemptAt;
  }

  /** Nothing is left to say about it. */
  async #settle(host: CertificateName, { serial }: UntoldRevocation): Promise<void> {
    const { storage, log } = this.#steps;
    this.#failures.delete(serial);
    for (const { untold, ...known } of this.#all()) {
      if (untold.serial !== serial) continue;
      try {
        await storage.revokedKeys.save({ ...known, untold: undefined });
      } catch (error) {
        log.error("storage.failed", { host, ...failureFacts(error) });
      }
    }
  }

  #all(): readonly Untold[] {
    return this.#steps.storage.revokedKeys
      .all()
      .flatMap(({ host, untold, ...known }) =>
        host && untold ? [{ ...known, host, untold }] : [],
      );
  }
}

/** What cannot be read has not, as far as anybody knows. */
function hasExpired({ chain }: UntoldRevocation, now: number): boolean {
  try {
    return new X509Certificate(chain).validToDate.getTime() <= now;
  } catch {
    return false;
  }
}

/** Answers that a CA, or who stands before it, gives for now: RFC 9110 §15.5.9, RFC 8470, RFC 6585. */
const FOR_NOW: readonly unknown[] = [408, 425, 429];

/**
 * Will the CA say the same the next time? One in trouble, or out of reach, will not; and what is no problem document
 * is perhaps not its own word, but a gateway's page.
 */
function isLastWord(error: unknown): boolean {
  if (!(error instanceof LatchkeyError)) return false;
  if (error.code === "ACME_REVOCATION_UNKNOWN") return true;
  const { status } = error.facts;
  return (
    error.code === "ACME_PROBLEM" &&
    typeof status === "number" &&
    status < 500 &&
    !FOR_NOW.includes(status)
  );
}
