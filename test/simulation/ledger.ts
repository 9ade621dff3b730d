import { limits } from "../../src/config/limits.ts";
import { excusedMs, type Trouble } from "./excuse.ts";

/** A certificate that clients get. */
export interface Served {
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What a simulated run comes to. Times in minutes of the simulated world, begun ones counted, unless they say otherwise. */
export interface Figures {
  readonly hosts: number;
  readonly certificates: number;
  readonly orders: number;
  readonly idealOrders: number;
  readonly expiredMinutes: number;
  /** Of those: all but in, or right after, troubles that outlasted all the life that was left when it was due; see `excusedMs`. */
  readonly unexcusedMinutes: number;
  readonly lostCertificates: number;
  readonly failedAttempts: number;
  readonly episodes: number;
  readonly longestRecovery: number;
  /** The same after a mistake in DNS alone. */
  readonly longestDnsRecovery: number;
  readonly outages: number;
  readonly outageHours: number;
  /** Of a single endpoint. */
  readonly partOutages: number;
  readonly requestsInOutages: number;
  readonly busiestOutageHour: number;
  /** Troubles told of when they began, while they lasted, and when they were over. */
  readonly alertsBegun: number;
  readonly reminders: number;
  readonly alertsRecovered: number;
  /** What was told wrongly, twice, or not at all. */
  readonly alertFaults: readonly string[];
}

const MINUTE_MS = 60_000;

/** Writes down what is served, what is in trouble and what fails, by true time. */
export class Ledger {
  readonly #now: () => number;
  readonly #dueBy: (served: Served) => number;
  readonly #served = new Map<string, Served>();
  readonly #troubles = new Map<string, Mutable[]>();
  readonly #everyone: Mutable[] = [];
  readonly #failing = new Map<string, number>();
  /** By the clock of the machine. */
  readonly #failedAt = new Map<string, number>();
  readonly #serials = new Set<string>();
  #expiredMs = 0;
  #excusedMs = 0;
  lostCertificates = 0;
  failedAttempts = 0;
  episodes = 0;
  longestRecoveryMs = 0;
  longestDnsRecoveryMs = 0;
  /** Stretches that a person would want to look at. */
  readonly remarks: string[] = [];

  /** @param dueBy When the renewal of a certificate is due at the latest. */
  constructor(now: () => number, dueBy: (served: Served) => number) {
    this.#now = now;
    this.#dueBy = dueBy;
  }

  get certificates(): number {
    return this.#serials.size;
  }

  get expiredMinutes(): number {
    return minutes(this.#expiredMs);
  }

  get unexcusedMinutes(): number {
    return minutes(this.#expiredMs - this.#excusedMs);
  }

  /** What is wrong by what happened, as alerts are to tell it: `renewal.failing s1.example`. */
  wrongNow(wallClock: number, expiresWithin: number): Set<string> {
    const wrong = new Set<string>();
    for (const host of this.#failing.keys())
      wrong.add(`${this.#served.has(host) ? "renewal" : "issuance"}.failing ${host}`);
    for (const [host, { notBefore, notAfter }] of this.#served) {
      const leftMs = notAfter - wallClock;
      if (leftMs <= (notAfter - notBefore) * expiresWithin)
        wrong.add(`certificate.expiring ${host}`);
    }
    return wrong;
  }

  /** From now on this is what a visitor of `host` gets; an older one than before was lost. */
  serve(host: string, served: Served): void {
    const { serial } = served;
    const before = this.#served.get(host);
    if (before?.serial === serial) return;
    if (this.#serials.has(serial)) {
      this.lostCertificates += 1;
      this.remarks.push(`${this.#time()} ${host} serves a certificate of before again`);
    }
    this.#serials.add(serial);
    this.#served.set(host, served);
    if (before !== undefined) this.#countExpired(host, before, this.#now());
    this.#recovered(host);
  }

  /**
   * Something is wrong for this host, or (`undefined`) for all; ends with the returned function.
   *
   * @param isBlocking Can no certificate be had meanwhile, whatever the program does?
   */
  trouble(host: string | undefined, isBlocking: boolean): () => void {
    const trouble: Mutable = { from: this.#now(), to: Number.POSITIVE_INFINITY, isBlocking };
    const list = host === undefined ? this.#everyone : (this.#troubles.get(host) ?? []);
    list.push(trouble);
    if (host !== undefined) this.#troubles.set(host, list);
    return () => {
      trouble.to = this.#now();
    };
  }

  /** @param wallClock By which the machine believed that it was due. */
  failed(host: string, wallClock: number): void {
    this.failedAttempts += 1;
    this.#failedAt.set(host, wallClock);
    if (this.#failing.has(host)) return;
    this.episodes += 1;
    this.#failing.set(host, this.#now());
  }

  /** A renewal that failed by a clock that was ahead was too soon, and is due another time. */
  setRight(key: string, wallClock: number): void {
    const [, host = ""] = /^renewal\.failing (.+)$/.exec(key) ?? [];
    const failedAt = this.#failedAt.get(host) ?? 0;
    if (failedAt - wallClock > limits.clockToleranceMs) this.#failing.delete(host);
  }

  /** A failing host has its certificate: how long after the last trouble of its own or of all? */
  #recovered(host: string): void {
    const since = this.#failing.get(host);
    if (since === undefined) return;
    this.#failing.delete(host);
    const now = this.#now();
    const met = ({ to, from }: Trouble) => to >= since && from <= now;
    const own = (this.#troubles.get(host) ?? []).filter(met);
    const all = this.#everyone.filter(met);
    const ends = [...all, ...own].map(({ to }) => to).filter((to) => to <= now);
    const recoveryMs = now - Math.max(since, ...ends);
    if (all.length === 0 && own.length > 0)
      this.longestDnsRecoveryMs = Math.max(this.longestDnsRecoveryMs, recoveryMs);
    if (recoveryMs > this.longestRecoveryMs) {
      this.longestRecoveryMs = recoveryMs;
      this.remarks.push(`${this.#time()} ${host} recovered after ${minutes(recoveryMs)} min`);
    }
  }

  /** Closes the book: hosts that are expired now count until now. */
  close(): void {
    for (const [host, served] of this.#served) this.#countExpired(host, served, this.#now());
  }

  #countExpired(host: string, served: Served, until: number): void {
    const { notAfter } = served;
    if (until <= notAfter) return;
    const troubles = [...this.#everyone, ...(this.#troubles.get(host) ?? [])];
    const blocking = troubles.filter(({ isBlocking }) => isBlocking);
    const excused = excusedMs(blocking, { dueBy: this.#dueBy(served), notAfter, until });
    this.#expiredMs += until - notAfter;
    this.#excusedMs += excused;
    this.remarks.push(
      `${this.#time()} ${host} was expired for ${minutes(until - notAfter)} min, ${minutes(excused)} of them excused`,
    );
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}

type Mutable = { -readonly [Name in keyof Trouble]: Trouble[Name] } & {
  readonly isBlocking: boolean;
};

/** One that has begun counts. */
export function minutes(ms: number): number {
  return Math.ceil(ms / MINUTE_MS);
}
