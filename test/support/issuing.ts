import { setImmediate as nextTurn } from "node:timers/promises";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { Facts } from "../../src/base/errors.ts";
import { CertificateFloor } from "../../src/certificate/floor.ts";
import type { Config } from "../../src/config/config.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { buildRoutes } from "../../src/config/route.ts";
import type { ManagerToWorkers } from "../../src/process/messages.ts";
import { Storage } from "../../src/storage/storage.ts";
import { arm, type CaAddress, transportTo } from "./https-authority.ts";
import { type KeptLog, keptLog } from "./stored.ts";

export interface IssuingOptions {
  /** The storage folder. */
  readonly root: string;
  readonly hosts: readonly string[];
  /** URL of the CA's directory. */
  readonly directory: string;
  readonly ca: CaAddress;
  readonly clock?: Clock;
  /** Called when the worker is told of a certificate, and when it has said that it has it. */
  readonly onAnnouncement?: (moment: "announce" | "acknowledge") => void;
}

/** Storage and certificate floor as the real manager puts them together, with a worker that only obeys. */
export class Issuing implements AsyncDisposable {
  readonly storage: Storage;
  readonly floor: CertificateFloor;
  readonly log: AwaitedLog;
  /** Everything that was said to the workers. */
  readonly told: ManagerToWorkers[] = [];
  readonly #options: IssuingOptions;
  readonly #stopping: AbortController;
  #running: Promise<void> | undefined;

  /** Opens storage and takes its lease; orders nothing before {@link run}. */
  static async open(options: IssuingOptions, log = awaitedLog()): Promise<Issuing> {
    const { root, clock = hurriedClock } = options;
    const storage = await Storage.open({ root, clock, log });
    const stopping = new AbortController();
    await storage.acquire(stopping.signal);
    return new Issuing(options, { storage, log, stopping });
  }

  private constructor(
    options: IssuingOptions,
    { storage, log, stopping }: { storage: Storage; log: AwaitedLog; stopping: AbortController },
  ) {
    const { directory, ca, clock = hurriedClock } = options;
    this.#options = options;
    this.storage = storage;
    this.log = log;
    this.#stopping = stopping;
    const config = configOf(options.hosts);
    const routes = buildRoutes(config.hosts);
    this.floor = new CertificateFloor({
      config,
      storage,
      authority: { directory, transport: transportTo(ca) },
      reach: { https: [], http: [{ host: "127.0.0.1", port: 1 }] },
      unbound: [],
      era: 1,
      inherited: [],
      bequeath: () => {},
      findHost: (name) => routes.findCertified(name),
      broadcast: (message) => void this.#obey(message),
      askWorker: async () => ({ type: "heartbeat" }), // its worker obeys, and has nothing to say
      clock,
      log,
      signal: stopping.signal,
    });
  }

  /** Orders and renews until the end of this. */
  async run(): Promise<void> {
    await this.floor.open();
    this.floor.workers.changed([
      { index: 1, pid: 1, startedAt: 0, ready: true, isCurrent: true, isDraining: false },
    ]);
    this.#running = this.floor.run();
  }

  /** Resolves once no order is under way. */
  async settled(): Promise<void> {
    const isBusy = () =>
      this.floor.list().some(({ state }) => /ing$/.test(state) && state !== "failing");
    while (isBusy()) await nextTurn();
  }

  /** Ends all of it, and gives the lease back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.settled();
    await this.storage.close();
  }

  async #obey(message: ManagerToWorkers): Promise<void> {
    this.told.push(message);
    if (message.type === "certificate.announce") {
      const { onAnnouncement = () => {} } = this.#options;
      onAnnouncement("announce");
      await nextTurn(); // as from another process
      this.floor.workers.acknowledged(message.announcement, 1);
      onAnnouncement("acknowledge");
    }
    if (message.type !== "challenge.arm" || message.challenge.type !== "http-01") return;
    const { id, token, keyAuthorization } = message.challenge;
    await arm(this.#options.ca, token, keyAuthorization);
    this.floor.workers.acknowledged(id, 1);
  }
}

function configOf(hosts: readonly string[]): Config {
  const text = `hosts:\n${hosts.map((host) => `  ${host}: { respond: ok }\n`).join("")}`;
  const loaded = parseConfig(text, { file: "/etc/latchkey.yaml", files: diskFiles, cores: 1 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}

/** The machine's time, but nobody waits for long: a heartbeat comes still less often than a look at an order. */
export const hurriedClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(hurried(ms), signal),
};

/** A fiftieth of a wait of seconds, never more than a tenth of a second. */
export function hurried(ms: number): number {
  return Math.min(ms / 50, 100);
}

/** A log that can be waited for. */
export interface AwaitedLog extends KeptLog {
  /** The facts of the first event of one of these names, also one of before. */
  first(...events: readonly string[]): Promise<{ readonly event: string; readonly facts: Facts }>;
}

export function awaitedLog(): AwaitedLog {
  const kept = keptLog();
  const watchers = new Set<() => void>();
  const tell = (event: string, facts?: Facts) => {
    kept.info(event, facts);
    for (const watcher of watchers) watcher();
  };
  const first = (...wanted: readonly string[]) =>
    new Promise<{ event: string; facts: Facts }>((resolve) => {
      const look = () => {
        const found = kept.events.find(({ event }) => wanted.includes(event));
        if (found === undefined) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  return {
    events: kept.events,
    only: kept.only,
    first,
    debug: tell,
    info: tell,
    warn: tell,
    error: tell,
  };
}
