import { setImmediate as nextTurn } from "node:timers/promises";
import type { AcmeTransport } from "../../src/acme/transport.ts";
import { Alarm } from "../../src/alert/alarm.ts";
import type { Notice } from "../../src/alert/notice.ts";
import type { Facts } from "../../src/base/errors.ts";
import type { Log } from "../../src/base/log.ts";
import { CertificateFloor } from "../../src/certificate/floor.ts";
import type { Config } from "../../src/config/config.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { buildRoutes } from "../../src/config/route.ts";
import type { ManagerToWorkers } from "../../src/process/messages.ts";
import { Storage } from "../../src/storage/storage.ts";
import type { Served } from "./ledger.ts";
import type { SimulatedCa } from "./simulated-ca.ts";
import { type VirtualClock, withoutSleep } from "./virtual-clock.ts";

/** URL of the other issuer's directory. */
export const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";

/** What outlives a reboot, and who watches. */
export interface MachineParts {
  readonly root: string;
  readonly hosts: readonly string[];
  readonly clock: VirtualClock;
  readonly ca: Pick<SimulatedCa, "transport" | "listener">;
  /** Hosts of another issuer, `letsencrypt-staging`, and the way to that one. */
  readonly elsewhere?: { readonly hosts: readonly string[]; readonly transport: AcmeTransport };
  /** Of the name server that the machine asks. */
  readonly nameServer: string;
  /** Token to key authorization: what the worker answers now. */
  readonly answers: Map<string, string>;
  /** A certificate went live. */
  served(host: string, certificate: Served): void;
  /** A person gets this; without it nobody is told anything. */
  readonly alerted?: (notice: Notice) => void;
  told(event: string, facts: Facts): void;
}

/** The real storage and certificate floor, put together as in the manager, with a worker that only obeys. */
export class Machine {
  readonly #parts: MachineParts;
  readonly #storage: Storage;
  readonly #floor: CertificateFloor;
  readonly #stopping: AbortController;
  readonly #running: Promise<unknown>;
  readonly #log: Log;
  readonly #armed = new Map<number, string>();

  private constructor(
    parts: MachineParts,
    made: { storage: Storage; floor: CertificateFloor; stopping: AbortController; log: Log },
  ) {
    this.#parts = parts;
    this.#storage = made.storage;
    this.#floor = made.floor;
    this.#stopping = made.stopping;
    this.#log = made.log;
    this.#running = Promise.all([made.floor.run(), this.#keepTelling()]);
  }

  /** Starts on whatever the storage folder holds. */
  static async boot(parts: MachineParts): Promise<Machine> {
    const { root, clock, ca, elsewhere } = parts;
    const stopping = new AbortController();
    const log = logTo((event, facts) => {
      if (!stopping.signal.aborted) parts.told(event, facts);
    });
    const storage = await Storage.open({ root, clock: withoutSleep(clock), log });
    await storage.acquire(stopping.signal);
    const config = configOf(parts);
    const routes = buildRoutes(config.hosts);
    let machine: Machine | undefined;
    const floor = new CertificateFloor({
      config,
      storage,
      authority: { directory: "https://nobody.internal/", transport: ca.transport },
      transportTo: ({ directory }) =>
        elsewhere !== undefined && directory === STAGING ? elsewhere.transport : ca.transport,
      reach: { https: [], http: [ca.listener] },
      unbound: [],
      era: 1,
      inherited: [],
      bequeath: () => {},
      findHost: (name) => routes.findCertified(name),
      askWorker: async () => ({ type: "heartbeat" }), // it obeys, and has nothing to say
      broadcast: (message) => {
        if (machine !== undefined) void machine.#obey(message);
      },
      clock,
      log,
      signal: stopping.signal,
    });
    await floor.open();
    floor.workers.changed([
      { index: 1, pid: 1, startedAt: 0, ready: true, isCurrent: true, isDraining: false },
    ]);
    machine = new Machine(parts, { storage, floor, stopping, log });
    for (const host of await storage.certificates.list()) await machine.#serve(host);
    return machine;
  }

  /** The power goes: nothing new is begun. {@link release} follows when all is still. */
  stop(): void {
    this.#stopping.abort(new Error("Stopping"));
    this.#parts.answers.clear();
  }

  /** After {@link stop}: the folder is free for the next boot. */
  async release(): Promise<void> {
    await this.#running;
    await this.#storage.close();
  }

  /** As the manager does it, to a receiver that takes everything. */
  async #keepTelling(): Promise<void> {
    const { alerted } = this.#parts;
    if (alerted === undefined) return;
    const { troubles } = this.#floor;
    const alarm = new Alarm({
      look: (lasted) => troubles.look(lasted),
      store: this.#storage.toldTroubles.of("webhook"),
      channel: {
        name: "webhook",
        deliver: async (notice) => {
          alerted(notice);
          return true;
        },
      },
      mayTellUnsaved: () => true,
      clock: this.#parts.clock,
      log: this.#log,
    });
    await alarm.keepTelling(this.#stopping.signal);
  }

  /** The rows as an operator sees them. */
  list() {
    return this.#floor.list();
  }

  /** What an operator asks for by name. */
  obey(...asked: Parameters<CertificateFloor["obey"]>) {
    return this.#floor.obey(...asked);
  }

  async #obey(message: ManagerToWorkers): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await nextTurn(); // as from another process
    switch (message.type) {
      case "challenge.arm": {
        const { challenge } = message;
        if (challenge.type !== "http-01") return;
        this.#armed.set(challenge.id, challenge.token);
        this.#parts.answers.set(challenge.token, challenge.keyAuthorization);
        return this.#floor.workers.acknowledged(challenge.id, 1);
      }
      case "challenge.disarm":
        this.#parts.answers.delete(this.#armed.get(message.challenge) ?? "");
        this.#armed.delete(message.challenge);
        return;
      case "certificate.announce":
        await this.#serve(message.host);
        return this.#floor.workers.acknowledged(message.announcement, 1);
      default:
        return;
    }
  }

  /** As a worker does it: what is in storage, read there. */
  async #serve(host: Parameters<Storage["certificates"]["load"]>[0]): Promise<void> {
    const stored = await this.#storage.certificates.load(host);
    if (stored !== undefined) this.#parts.served(host, stored.credential);
  }
}

function configOf({ hosts, elsewhere, nameServer }: MachineParts): Config {
  const entries = [
    ...hosts.map((host) => `  ${host}: { respond: ok }\n`),
    ...(elsewhere?.hosts ?? []).map(
      (host) => `  ${host}: { respond: ok, issuer: letsencrypt-staging }\n`,
    ),
  ];
  const text = `acme: { resolvers: ["${nameServer}"] }\nhosts:\n${entries.join("")}`;
  const loaded = parseConfig(text, { file: "/etc/latchkey.yaml", files: diskFiles, cores: 1 });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  return loaded.config;
}

function logTo(tell: (event: string, facts: Facts) => void): Log {
  const keep = (event: string, facts: Facts = {}) => tell(event, facts);
  return { debug: keep, info: keep, warn: keep, error: keep };
}
