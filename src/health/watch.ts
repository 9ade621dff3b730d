import { randomBytes } from "node:crypto";
import { type Placed, placeKey, placesOf } from "../backend/places.ts";
import type { BackendRecord } from "../base/backend-record.ts";
import type { Clock } from "../base/clock.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { literalOf, parseUriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { backendAuthority } from "../http/path-route.ts";
import type { BackendsNews } from "../process/messages.ts";
import type { Look, Target } from "./look.ts";
import { findBackend } from "./named.ts";
import { judgeLook, UNKNOWN, type Verdict } from "./verdict.ts";

/** What is known of backends beyond one life of the program. */
export interface KeptBackends {
  /** Of the cookies that hold a client to a backend: base64 of 32 bytes. */
  readonly secret: string;
  /** Of each drained backend its {@link placeKey}, and since when. */
  readonly drained: ReadonlyMap<string, number>;
}

/** What the watch works with. */
export interface WatchSteps {
  readonly hosts: readonly Host[];
  look(target: Target, signal: AbortSignal): Promise<Look>;
  load(): Promise<KeptBackends | undefined>;
  save(kept: KeptBackends): Promise<void>;
  /** To every worker. */
  broadcast(news: BackendsNews): void;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to below 1. */
  random(): number;
}

/** How an operator's word about a backend ended. */
export type DrainOutcome = { readonly kind: "done" | "unknown"; readonly detail: string };

/** One backend of a route, and what is known of it here. */
interface Watched extends Placed {
  verdict: Verdict;
  why: string;
  since: number;
}

const SECRET_BYTES = 32;

/**
 * Knows which backends may have requests: looks at those that have a `health` check, one look for all
 * workers, and keeps what operators drained. Workers are told of every change; they go on with what
 * they know when nobody tells them any more.
 */
export class BackendWatch {
  readonly #steps: WatchSteps;
  readonly #watched: readonly Watched[];
  readonly #looks = new Semaphore(limits.healthLooksMax);
  #kept: KeptBackends = { secret: newSecret(), drained: new Map() };

  constructor(steps: WatchSteps) {
    const since = steps.clock.now();
    this.#steps = steps;
    this.#watched = placesOf(steps.hosts).map((placed) => {
      return { ...placed, verdict: UNKNOWN, why: "", since };
    });
  }

  /** Takes over what is kept; what cannot be read or written lasts as long as this process. */
  async open(): Promise<void> {
    try {
      const kept = await this.#steps.load();
      if (kept !== undefined) this.#kept = kept;
      // The secret is worth a file only where a cookie leaves the program.
      else if (this.#makesCookies()) await this.#steps.save(this.#kept);
    } catch (error) {
      this.#steps.log.warn("backend.not-kept", failureFacts(error));
    }
    for (const { place } of this.#watched)
      if (this.#isDrained(place)) this.#steps.log.warn("backend.drained", { ...place });
  }

  /** Everything that a worker has to know. */
  get all(): BackendsNews {
    return this.#news(this.#watched.filter(({ verdict }) => verdict.isHealthy !== undefined));
  }

  /** A row for every backend. */
  list(): readonly BackendRecord[] {
    return this.#watched.map(({ place, route, verdict, why, since }) => {
      const drainedAt = this.#kept.drained.get(placeKey(place));
      const from = (ms: number) => formatTime(ms);
      if (drainedAt !== undefined)
        return {
          ...place,
          state: "drained",
          why: "an operator drained it",
          since: from(drainedAt),
        };
      if (route.health === undefined)
        return { ...place, state: "unchecked", why: null, since: null };
      if (verdict.isHealthy === undefined)
        return { ...place, state: "unknown", why: null, since: null };
      return { ...place, state: verdict.isHealthy ? "up" : "down", why, since: from(since) };
    });
  }

  /** Looks at every backend that has a check until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const checks = new Map<string, Watched[]>();
    for (const watched of this.#watched) {
      if (watched.route.health === undefined) continue;
      const key = JSON.stringify(targetOf(watched));
      const same = checks.get(key);
      if (same === undefined) checks.set(key, [watched]);
      else same.push(watched); // two paths of a host with one backend: one look for both
    }
    await Promise.all([...checks.values()].map((same) => this.#keepLooking(same, signal)));
  }

  /** Puts a backend of a host out of use, or back: open requests finish, new ones go elsewhere. */
  async drain(host: string, named: string, isDrained: boolean): Promise<DrainOutcome> {
    const found = findBackend(this.#watched, host, named);
    if (typeof found === "string") return { kind: "unknown", detail: found };
    const drained = new Map(this.#kept.drained);
    for (const { place } of found) {
      const key = placeKey(place);
      if (!isDrained) drained.delete(key);
      else if (!drained.has(key)) drained.set(key, this.#steps.clock.now());
    }
    this.#kept = { ...this.#kept, drained };
    this.#steps.broadcast(this.#news([]));
    for (const { place } of found)
      this.#steps.log.info(isDrained ? "backend.drained" : "backend.undrained", { ...place });
    return {
      kind: "done",
      detail: `${named} ${isDrained ? "gets no new requests" : "gets requests again"}${await this.#keep()}${this.#warningOf(found)}`,
    };
  }

  /** Nothing, or what clients get where no backend is left. */
  #warningOf(changed: readonly Watched[]): string {
    const isLeft = new Set(
      this.#watched.filter(({ place }) => !this.#isDrained(place)).map(({ route }) => route),
    );
    const paths = changed.filter(({ route }) => !isLeft.has(route)).map(({ place }) => place.path);
    if (paths.length === 0) return "";
    return `; warning: ${[...new Set(paths)].join(", ")} has no backend left, its requests get 503`;
  }

  /** Returns what to add to the outcome when it could not be kept. */
  async #keep(): Promise<string> {
    try {
      await this.#steps.save(this.#kept);
      return "";
    } catch (error) {
      this.#steps.log.warn("backend.not-kept", failureFacts(error));
      return ", until the next restart: the storage cannot be written";
    }
  }

  async #keepLooking(same: readonly Watched[], signal: AbortSignal): Promise<void> {
    const [first] = same;
    const { clock, random } = this.#steps;
    const check = first?.route.health;
    if (first === undefined || check === undefined) return;
    const target = targetOf(first);
    try {
      while (!signal.aborted) {
        const seen = await this.#looks.run(() => this.#steps.look(target, signal), signal);
        if (signal.aborted) return;
        this.#judge(same, seen);
        const jitter = (random() * 2 - 1) * (limits.healthJitterPercent / 100);
        await clock.sleep(check.everyMs * (1 + jitter), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #judge(same: readonly Watched[], { isGood, why }: Look): void {
    for (const watched of same) {
      const { health } = watched.route;
      if (health === undefined) continue;
      const before = watched.verdict.isHealthy;
      watched.verdict = judgeLook(watched.verdict, isGood, health);
      const { isHealthy } = watched.verdict;
      if (isHealthy === isGood) watched.why = why;
      if (isHealthy === before) continue;
      watched.since = this.#steps.clock.now();
      const facts = { ...watched.place, why };
      if (isHealthy === false) this.#steps.log.warn("backend.unhealthy", facts);
      else if (before === false) this.#steps.log.info("backend.healthy", facts);
      this.#steps.broadcast(this.#news([watched]));
    }
  }

  #news(checked: readonly Watched[]): BackendsNews {
    return {
      cookieSecret: this.#kept.secret,
      drained: this.#watched
        .filter(({ place }) => this.#isDrained(place))
        .map(({ place }) => place),
      checked: checked.map(({ place, verdict }) => {
        return { ...place, isHealthy: verdict.isHealthy !== false };
      }),
    };
  }

  #makesCookies(): boolean {
    return this.#watched.some(({ route }) => route.balance.method === "cookie");
  }

  #isDrained(place: Placed["place"]): boolean {
    return this.#kept.drained.has(placeKey(place));
  }
}

/** Host is what requests of visitors have; with many names in question, the backend's own address. */
function targetOf({ backend, host, route: { health: check } }: Placed): Target {
  if (check === undefined) throw new TypeError("Cannot look at a backend without a check");
  const name = host === undefined ? undefined : parseUriHost(host);
  if (name !== undefined)
    return { backend, check, authority: backendAuthority(backend, literalOf(name)) };
  const own = backend.kind === "unix" ? backend : { ...backend, hostHeader: "backend" as const };
  return { backend, check, authority: backendAuthority(own, "localhost") };
}

function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString("base64");
}
