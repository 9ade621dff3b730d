/** A stretch of time during which something was wrong for a host. */
interface Trouble {
  readonly from: number;
  to: number;
}

/** What a simulated run comes to. Times in minutes of the simulated world unless they say otherwise. */
export interface Figures {
  readonly hosts: number;
  readonly certificates: number;
  readonly orders: number;
  readonly idealOrders: number;
  readonly expiredMinutes: number;
  /** Of those: while, or until two hours after, a trouble that outlasted the life that was left. */
  readonly excusedMinutes: number;
  readonly lostCertificates: number;
  readonly failedAttempts: number;
  readonly episodes: number;
  readonly longestRecovery: number;
  readonly outages: number;
  readonly outageHours: number;
  readonly requestsInOutages: number;
  readonly busiestOutageHour: number;
}

/** After the end of a trouble a certificate that has expired meanwhile is due within this. */
const RECOVERY_MS = 2 * 3_600_000;
const MINUTE_MS = 60_000;

/** Writes down what is served, what is in trouble and what fails, by true time. */
export class Ledger {
  readonly #now: () => number;
  readonly #served = new Map<string, { serial: string; notAfter: number }>();
  readonly #troubles = new Map<string, Trouble[]>();
  readonly #everyone: Trouble[] = [];
  readonly #failing = new Map<string, number>();
  readonly #serials = new Set<string>();
  #expiredMs = 0;
  #excusedMs = 0;
  lostCertificates = 0;
  failedAttempts = 0;
  episodes = 0;
  longestRecoveryMs = 0;
  /** Stretches that a person would want to look at. */
  readonly remarks: string[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  get certificates(): number {
    return this.#serials.size;
  }

  get expiredMinutes(): number {
    return Math.round(this.#expiredMs / MINUTE_MS);
  }

  get excusedMinutes(): number {
    return Math.round(this.#excusedMs / MINUTE_MS);
  }

  /** From now on this is what a visitor of `host` gets; an older one than before was lost. */
  serve(host: string, { serial, notAfter }: { serial: string; notAfter: number }): void {
    const before = this.#served.get(host);
    if (before?.serial === serial) return;
    if (this.#serials.has(serial)) {
      this.lostCertificates += 1;
      this.remarks.push(`${this.#time()} ${host} serves a certificate of before again`);
    }
    this.#serials.add(serial);
    this.#served.set(host, { serial, notAfter });
    if (before !== undefined) this.#countExpired(host, before.notAfter, this.#now());
  }

  /** Something is wrong for this host, or (`undefined`) for all; ends with the returned function. */
  trouble(host: string | undefined): () => void {
    const trouble: Trouble = { from: this.#now(), to: Number.POSITIVE_INFINITY };
    const list = host === undefined ? this.#everyone : (this.#troubles.get(host) ?? []);
    list.push(trouble);
    if (host !== undefined) this.#troubles.set(host, list);
    return () => {
      trouble.to = this.#now();
    };
  }

  failed(host: string): void {
    this.failedAttempts += 1;
    if (this.#failing.has(host)) return;
    this.episodes += 1;
    this.#failing.set(host, this.#now());
  }

  /** A failing host has its certificate: how long after the last trouble of its own or of all? */
  issued(host: string): void {
    const since = this.#failing.get(host);
    if (since === undefined) return;
    this.#failing.delete(host);
    const now = this.#now();
    const ends = [...this.#everyone, ...(this.#troubles.get(host) ?? [])]
      .filter(({ to, from }) => to <= now && to >= since && from <= now)
      .map(({ to }) => to);
    const recoveryMs = now - Math.max(since, ...ends);
    if (recoveryMs > this.longestRecoveryMs) {
      this.longestRecoveryMs = recoveryMs;
      this.remarks.push(`${this.#time()} ${host} recovered after ${minutes(recoveryMs)} min`);
    }
  }

  /** Closes the book: hosts that are expired now count until now. */
  close(): void {
    for (const [host, { notAfter }] of this.#served)
      this.#countExpired(host, notAfter, this.#now());
  }

  #countExpired(host: string, notAfter: number, until: number): void {
    if (until <= notAfter) return;
    const troubles = [...this.#everyone, ...(this.#troubles.get(host) ?? [])];
    const covered = covering(troubles, notAfter, until);
    this.#expiredMs += until - notAfter;
    this.#excusedMs += covered;
    this.remarks.push(
      `${this.#time()} ${host} was expired for ${minutes(until - notAfter)} min, ${minutes(covered)} of them excused`,
    );
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** How much of `from` to `to` the troubles cover, each with the time to recover from it. */
function covering(troubles: readonly Trouble[], from: number, to: number): number {
  const parts = troubles
    .map((trouble) => ({
      from: Math.max(from, trouble.from),
      to: Math.min(to, trouble.to + RECOVERY_MS),
    }))
    .filter((part) => part.to > part.from)
    .sort((a, b) => a.from - b.from);
  let covered = 0;
  let reached = from;
  for (const part of parts) {
    covered += Math.max(0, part.to - Math.max(reached, part.from));
    reached = Math.max(reached, part.to);
  }
  return covered;
}

function minutes(ms: number): number {
  return Math.round(ms / MINUTE_MS);
}
