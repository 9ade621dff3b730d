import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { RecentMap } from "../base/recent-map.ts";
import { type Rate, TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import type { BudgetFile, BudgetKind, StoredBudget } from "../storage/budgets.ts";
import { inWords, type Planned, type Subject, subjectsOf } from "./planned-order.ts";
import { limitedBy, rateLimitIn } from "./rate-limited.ts";
import { type Wait, waiting } from "./wait.ts";

/** What the budgets need from their surroundings. */
export interface BudgetSteps {
  readonly store: Pick<BudgetFile, "load" | "save">;
  /** What the CA with this directory allows. */
  ratesOf(directory: string): Readonly<Partial<Record<BudgetKind, Rate>>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Let's Encrypt counts these when a certificate is issued, not when it is ordered. */
const COUNT_CERTIFICATES: ReadonlySet<BudgetKind> = new Set(["domain", "names"]);

interface Budget {
  readonly bucket: TokenBucket | undefined;
  /** The CA's own word, by Retry-After. */
  readonly closedUntil: number | undefined;
}

/**
 * What each CA allows, as far as it is spent: on disk before the CA hears of a request, so that neither
 * restarts nor a crash loop forget it. The CA's own counters are the truth: where ours know less (a file
 * that was broken starts full), its Retry-After closes a budget until then.
 */
export class Budgets {
  readonly #steps: BudgetSteps;
  readonly #budgets = new RecentMap<string, Budget & { readonly of: Subject }>(limits.budgetsMax);
  /** Those of names on demand: whatever strangers bring, it pushes out no other. */
  readonly #onDemand = new RecentMap<string, Budget & { readonly of: Subject }>(
    limits.onDemandBudgetsMax,
  );
  #writing: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;

  constructor(steps: BudgetSteps) {
    this.#steps = steps;
  }

  /** Takes over what is stored. Never rejects: without it they are full. */
  async open(): Promise<void> {
    const { store, log } = this.#steps;
    try {
      for (const stored of await store.load()) this.#put(stored, this.#restored(stored));
    } catch (error) {
      log.error("storage.unreadable", { path: "budgets.json", ...failureFacts(error) });
    }
  }

  /** Why this order cannot be placed now, for the longest of several reasons; `undefined` when it can. */
  waitFor(planned: Planned): Wait | undefined {
    const { spent, kept } = subjectsOf(planned);
    const waits = [
      ...[...spent, ...kept].map((subject) => this.#closing(subject)),
      ...[...spent, ...kept.filter(({ kind }) => kind === "failures")].map((subject) =>
        this.#spending(subject),
      ),
    ];
    return latest(waits);
  }

  /**
   * Places an order (`work`) out of its budgets, which are taken on disk first. A CA that says that one of its
   * own is used up closes that one here.
   *
   * @throws {LatchkeyError} `BUDGET_SPENT`, `ACME_PAUSED`, `STORAGE_FAILED`; what `work` throws.
   */
  async place<Value>(planned: Planned, work: () => Promise<Value>): Promise<Value> {
    const wait = this.waitFor(planned);
    if (wait !== undefined) throw waiting(`order a certificate for ${planned.name}`, wait);
    await this.#take(subjectsOf(planned).spent);
    try {
      return await work();
    } catch (error) {
      await this.unissued(planned);
      const limit = rateLimitIn(error);
      if (limit !== undefined)
        this.close(limitedBy(limit, planned), limit.retryAfterMs, limit.detail || "status 429");
      throw error;
    }
  }

  /** Makes an account (`work`) out of the CA's budget of them. @throws as {@link place}. */
  async register<Value>(directory: string, work: () => Promise<Value>): Promise<Value> {
    const subject = { directory, kind: "accounts", subject: "" } as const;
    const wait = this.#spending(subject);
    if (wait !== undefined) throw waiting("make an account", wait);
    await this.#take([subject]);
    return await work();
  }

  /**
   * Takes one of a budget, on disk if that can be written; `false`, and nothing changes, when it is used up. Never
   * rejects.
   */
  async spend(subject: Subject): Promise<boolean> {
    const budget = this.#get(subject);
    if (budget.bucket === undefined) return true;
    if (!budget.bucket.take(this.#steps.clock.now())) return false;
    this.#put(subject, budget);
    await this.#saveOrTell();
    return true;
  }

  /**
   * No certificate came of this order: what counts certificates is given back. What counts orders is not, for
   * the CA may have counted. Never rejects.
   */
  async unissued(planned: Planned): Promise<void> {
    const now = this.#steps.clock.now();
    const counted = subjectsOf(planned).spent.filter(({ kind }) => COUNT_CERTIFICATES.has(kind));
    for (const subject of counted) {
      const budget = this.#get(subject);
      budget.bucket?.giveBack(now);
      this.#put(subject, budget);
    }
    if (counted.length > 0) await this.#saveOrTell();
  }

  /** The CA looked, and did not find what proves control of the name. Never rejects. */
  async failed(directory: string, name: CertificateName): Promise<void> {
    const { failures } = subjectsOf({ directory, name, purpose: "new" });
    try {
      await this.#take([failures]);
    } catch (error) {
      this.#steps.log.error("storage.failed", { host: name, ...failureFacts(error) });
    }
  }

  /**
   * No such request before the CA's own time, which is believed from a minute to a day.
   *
   * @param why Its own words.
   */
  close(subject: Subject, retryAfterMs: number | undefined, why: string): void {
    const { clock, log } = this.#steps;
    const waitMs = Math.min(
      Math.max(retryAfterMs ?? 0, limits.retryAfterMinMs),
      limits.retryAfterMaxMs,
    );
    const closedUntil = clock.now() + waitMs;
    this.#put(subject, { bucket: this.#get(subject).bucket, closedUntil });
    log.warn("issuer.paused", {
      issuer: subject.directory,
      budget: subject.kind,
      subject: subject.subject || undefined,
      until: formatTime(closedUntil),
      detail: why,
    });
    void this.#saveOrTell();
  }

  /**
   * An operator wants this order placed now, whatever the CA asked for before: what it closed is open, until it closes
   * that again. What we count ourselves stays spent.
   */
  reopen(planned: Planned): void {
    const { spent, kept } = subjectsOf(planned);
    const closed = [...spent, ...kept].filter((subject) => this.#closing(subject) !== undefined);
    for (const subject of closed) {
      this.#put(subject, { bucket: this.#get(subject).bucket, closedUntil: undefined });
      this.#steps.log.info("issuer.reopened", {
        host: planned.name,
        issuer: subject.directory,
        budget: subject.kind,
        subject: subject.subject || undefined,
      });
    }
    if (closed.length > 0) void this.#saveOrTell();
  }

  /** Until when the CA wants no request of this kind; `undefined`: it may be asked. */
  pause(directory: string, kind: "everything" | "windows"): Wait | undefined {
    return this.#closing({ directory, kind, subject: "" });
  }

  #closing(subject: Subject): Wait | undefined {
    const now = this.#steps.clock.now();
    const { closedUntil = now } = this.#get(subject);
    // A clock that was set back must not turn a minute into a year.
    const until = Math.min(closedUntil, now + limits.retryAfterMaxMs);
    if (until <= now) return undefined;
    const detail = `${hostOf(subject)} asked for no ${inWords(subject)} before ${formatTime(until)}`;
    return { code: "ACME_PAUSED", until, detail };
  }

  #spending(subject: Subject): Wait | undefined {
    const now = this.#steps.clock.now();
    const waitMs = this.#get(subject).bucket?.waitMs(now) ?? 0;
    if (waitMs === 0) return undefined;
    const until = now + waitMs;
    const detail = `what ${hostOf(subject)} allows of ${inWords(subject)} is used up until ${formatTime(until)}`;
    return { code: "BUDGET_SPENT", until, detail };
  }

  async #take(subjects: readonly Subject[]): Promise<void> {
    const now = this.#steps.clock.now();
    let isCounted = false;
    for (const subject of subjects) {
      const budget = this.#get(subject);
      if (budget.bucket === undefined) continue;
      budget.bucket.take(now);
      this.#put(subject, budget);
      isCounted = true;
    }
    if (isCounted) await this.#save();
  }

  #get(subject: Subject): Budget {
    return this.#mapOf(subject).get(keyOf(subject)) ?? this.#restored(subject);
  }

  #put(subject: Subject, budget: Budget): void {
    const { directory, kind } = subject;
    const of = { directory, kind, subject: subject.subject };
    this.#mapOf(subject).set(keyOf(subject), { ...budget, of });
  }

  #mapOf({ kind }: Subject) {
    return kind === "on-demand" ? this.#onDemand : this.#budgets;
  }

  #restored(stored: Subject & Partial<StoredBudget>): Budget {
    const now = this.#steps.clock.now();
    const rate = this.#steps.ratesOf(stored.directory)[stored.kind];
    const bucket = rate && new TokenBucket(rate, now, stored.fullAt);
    return { bucket, closedUntil: stored.closedUntil };
  }

  /** One write at a time; whoever comes while one is under way shares the next. */
  #save(): Promise<void> {
    if (this.#queued !== undefined) return this.#queued;
    const queued = (async () => {
      await this.#writing.catch(() => undefined); // told to whoever asked for it
      this.#queued = undefined;
      await this.#steps.store.save(this.#worthKeeping());
    })();
    this.#queued = queued;
    this.#writing = queued;
    return queued;
  }

  async #saveOrTell(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#steps.log.error("storage.failed", { path: "budgets.json", ...failureFacts(error) });
    }
  }

  #worthKeeping(): StoredBudget[] {
    const now = this.#steps.clock.now();
    return [...this.#budgets, ...this.#onDemand].flatMap(
      ([, { of, bucket, closedUntil = now }]) => {
        const fullAt = bucket?.fullAt(now) ?? now;
        if (fullAt <= now && closedUntil <= now) return [];
        return [
          {
            ...of,
            fullAt: fullAt > now ? fullAt : undefined,
            closedUntil: closedUntil > now ? closedUntil : undefined,
          },
        ];
      },
    );
  }
}

function latest(waits: readonly (Wait | undefined)[]): Wait | undefined {
  return waits
    .filter((wait) => wait !== undefined)
    .reduce<Wait | undefined>((a, b) => (a === undefined || b.until > a.until ? b : a), undefined);
}

function keyOf({ directory, kind, subject }: Subject): string {
  return `${directory} ${kind} ${subject}`;
}

function hostOf({ directory }: Subject): string {
  return new URL(directory).host;
}
