import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Facts, unreachable } from "../../src/base/errors.ts";
import { limits } from "../../src/config/limits.ts";
import { type NameServer, type Said, startNameServer } from "../support/name-server.ts";
import { AlertAudit } from "./alert-audit.ts";
import { calendarOf, type Happening } from "./calendar.ts";
import { HOSTS, idealOrders, LONGEST_LIFE_MS, lifeOf, renewedBy } from "./hosts.ts";
import { type Figures, Ledger, minutes } from "./ledger.ts";
import { Machine } from "./machine.ts";
import { type OutageScope, SimulatedCa } from "./simulated-ca.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly years: number;
  /** Does the CA say when to renew (RFC 9773)? */
  readonly hasWindows: boolean;
  /** Each event of the log and each happening, for who wants to look. */
  watch(line: string): void;
}

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
/** How often what is wrong is held against what was told. */
const AUDIT_EVERY_MS = 300_000;

/** A machine with 50 hosts, its CA and its misfortunes, for years of virtual time. */
export class World {
  readonly clock: VirtualClock;
  readonly ledger: Ledger;
  readonly end: number;
  readonly #options: WorldOptions;
  readonly #root: string;
  readonly #answers = new Map<string, string>();
  /** Names that lead elsewhere, and how many mistakes say so. */
  readonly #astray = new Map<string, number>();
  readonly #audit: AlertAudit;
  readonly #outages = { parts: 0, count: 0, ms: 0, requests: 0, busiestHour: 0, underWay: 0 };
  readonly #ca: SimulatedCa;
  readonly #nameServer: NameServer;
  #machine: Machine | undefined;
  /** The machine dies at the next of these events. */
  #dieAt: { readonly event: string; readonly forMs: number } | undefined;

  private constructor(
    options: WorldOptions,
    made: {
      root: string;
      clock: VirtualClock;
      ca: SimulatedCa;
      answers: Map<string, string>;
      astray: Map<string, number>;
      nameServer: NameServer;
    },
  ) {
    const { clock, root, ca, answers, astray, nameServer } = made;
    this.#options = options;
    this.clock = clock;
    this.#root = root;
    this.#ca = ca;
    this.#nameServer = nameServer;
    this.#answers = answers;
    this.#astray = astray;
    const now = () => clock.trueNow;
    this.ledger = new Ledger(now, (served) => renewedBy(served, options.hasWindows));
    const wrongNow = () => this.ledger.wrongNow(clock.now(), limits.alertExpiresWithin);
    const setRight = (key: string) => this.ledger.setRight(key, clock.now());
    this.#audit = new AlertAudit({ now, wrongNow, setRight });
    this.end = clock.trueNow + options.years * YEAR;
  }

  static async open(options: WorldOptions): Promise<World> {
    const root = await mkdtemp(join(await memoryFolder(), "latchkey-simulation-"));
    const clock = new VirtualClock();
    const answers = new Map<string, string>();
    const astray = new Map<string, number>();
    const trueTime = {
      now: () => clock.trueNow,
      sleep: (ms: number, signal: AbortSignal) => clock.sleep(ms, signal),
    };
    const internet = {
      answer: (host: string, token: string) =>
        (astray.get(host) ?? 0) > 0 ? undefined : answers.get(token),
    };
    const ca = await SimulatedCa.open(trueTime, internet, {
      lifeOf,
      longestLifeMs: LONGEST_LIFE_MS,
      hasWindows: options.hasWindows,
    });
    const nameServer = await startNameServer((type, name) =>
      leadingTo(type, name, isGone(astray, name)),
    );
    nameServer.unref();
    const world = new World(options, { root, clock, ca, answers, astray, nameServer });
    const start = clock.trueNow;
    for (const happening of calendarOf(options.seed, options.years, HOSTS))
      clock.at(start + happening.at, () => world.#happen(happening));
    await world.#boot();
    world.#keepAuditing();
    return world;
  }

  /** Ends it and says what it came to. */
  async close(): Promise<Figures> {
    this.ledger.close();
    const { ledger } = this;
    const outages = this.#outages;
    this.#machine?.stop();
    await this.#machine?.release();
    await this.#ca[Symbol.asyncDispose]();
    await this.#nameServer[Symbol.asyncDispose]();
    await rm(this.#root, { recursive: true, force: true });
    return {
      hosts: HOSTS.length,
      certificates: ledger.certificates,
      orders: [...this.#ca.orders.values()].reduce((sum, each) => sum + each, 0),
      idealOrders: idealOrders(this.#options.years, this.#options.hasWindows),
      expiredMinutes: ledger.expiredMinutes,
      unexcusedMinutes: ledger.unexcusedMinutes,
      lostCertificates: ledger.lostCertificates,
      failedAttempts: ledger.failedAttempts,
      episodes: ledger.episodes,
      longestRecovery: minutes(ledger.longestRecoveryMs),
      longestDnsRecovery: minutes(ledger.longestDnsRecoveryMs),
      outages: outages.count,
      outageHours: Math.round(outages.ms / HOUR),
      partOutages: outages.parts,
      requestsInOutages: outages.requests,
      busiestOutageHour: outages.busiestHour,
      alertsBegun: this.#audit.begun,
      reminders: this.#audit.reminders,
      alertsRecovered: this.#audit.recovered,
      alertFaults: this.#audit.faults,
    };
  }

  #keepAuditing(): void {
    this.clock.at(this.clock.trueNow + AUDIT_EVERY_MS, () => {
      if (this.#machine !== undefined) this.#audit.observe(AUDIT_EVERY_MS);
      this.#keepAuditing();
    });
  }

  async #boot(): Promise<void> {
    this.#machine = await Machine.boot({
      root: this.#root,
      hosts: HOSTS,
      clock: this.clock,
      ca: this.#ca,
      nameServer: this.#nameServer.address,
      answers: this.#answers,
      served: (host, certificate) => this.ledger.serve(host, certificate),
      alerted: (notice) => {
        this.#watch(`alert ${notice.state} ${notice.key} ${notice.detail ?? ""}`);
        this.#audit.told(notice);
      },
      told: (event, facts) => this.#told(event, facts),
    });
  }

  #told(event: string, facts: Facts): void {
    const host = String(facts["host"]);
    this.#watch(`${event} ${JSON.stringify(facts)}`);
    if (event === "certificate.failed") this.ledger.failed(host, this.clock.now());
    if (event === this.#dieAt?.event) this.#reboot(this.#dieAt.forMs);
  }

  #happen(happening: Happening): void {
    this.#watch(JSON.stringify(happening));
    switch (happening.kind) {
      case "outage":
        this.#breakCa(happening);
        break;
      case "dns-mistake":
        this.#leadAstray(happening.host, happening.forMs);
        break;
      case "reboot":
        if (happening.inOrder === undefined) this.#reboot(happening.forMs);
        else this.#dieAt = { event: happening.inOrder, forMs: happening.forMs };
        break;
      case "clock-step":
        this.#stepClock(happening.byMs, happening.forMs);
        break;
      default:
        unreachable(happening);
    }
  }

  #breakCa({ how, forMs, of }: Extract<Happening, { kind: "outage" }>): void {
    const { outages } = this.#ca;
    if (outages.has(of)) return; // it is out already
    outages.set(of, how);
    const until = this.clock.trueNow + forMs;
    const end = this.#noteOutage(of, forMs, until);
    this.clock.at(until, () => {
      outages.delete(of);
      this.#watch(`the CA is back: ${of}`);
      end();
    });
  }

  /** Nothing waits for a CA's advice: without it everything is renewed as ever. */
  #noteOutage(of: OutageScope, forMs: number, until: number): () => void {
    if (of === "everything") {
      this.#outages.count += 1;
      this.#outages.ms += forMs;
      this.#countHour(until);
    } else this.#outages.parts += 1;
    return of === "renewal-info" ? () => {} : this.ledger.trouble(undefined, true);
  }

  /** The requests of each hour of an outage. */
  #countHour(until: number): void {
    const before = this.#ca.requests;
    this.clock.at(Math.min(until, this.clock.trueNow + HOUR), () => {
      const requests = this.#ca.requests - before;
      this.#outages.requests += requests;
      this.#outages.busiestHour = Math.max(this.#outages.busiestHour, requests);
      if (this.clock.trueNow < until) this.#countHour(until);
    });
  }

  #leadAstray(host: string, forMs: number): void {
    const end = this.ledger.trouble(host, true);
    const add = (change: number) => this.#astray.set(host, (this.#astray.get(host) ?? 0) + change);
    add(1);
    this.clock.at(this.clock.trueNow + forMs, () => {
      add(-1);
      this.#watch(`${host} leads here again`);
      end();
    });
  }

  #stepClock(byMs: number, forMs: number): void {
    const end = this.ledger.trouble(undefined, false);
    this.clock.stepMs += byMs;
    this.#audit.disturbed();
    this.clock.at(this.clock.trueNow + forMs, () => {
      this.clock.stepMs -= byMs;
      this.#audit.disturbed();
      this.#watch("the clock is set right");
      end();
    });
  }

  #reboot(forMs: number): void {
    const machine = this.#machine;
    if (machine === undefined) return; // it is down already
    this.#machine = undefined;
    this.#dieAt = undefined;
    machine.stop();
    const end = this.ledger.trouble(undefined, true);
    this.#watch("the machine goes down");
    this.clock.at(this.clock.trueNow + forMs, () => {
      end();
      void machine.release().then(() => this.#boot());
    });
  }

  #watch(line: string): void {
    this.#options.watch(`${new Date(this.clock.trueNow).toISOString()} ${line}`);
  }
}

/** Mistakes are of two kinds: names of odd numbers are gone, others lead to another server. */
function isGone(astray: ReadonlyMap<string, number>, name: string): boolean {
  return (astray.get(name) ?? 0) > 0 && /[13579]\./.test(name);
}

function leadingTo(type: string, name: string, gone: boolean): Said {
  if (gone) return { rcode: "NXDOMAIN" };
  return { answers: type === "A" ? [{ type: "A", name, data: "127.0.0.1" }] : [] };
}

/** Where writing is quick: years of it are to pass within a minute. */
async function memoryFolder(): Promise<string> {
  return await access("/dev/shm", constants.W_OK).then(
    () => "/dev/shm",
    () => tmpdir(),
  );
}
