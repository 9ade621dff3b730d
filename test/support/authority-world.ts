import { Authority, type AuthorityOptions } from "../../src/authority/authority.ts";
import type { AuthorityStore } from "../../src/authority/ca-pair.ts";
import type { Facts } from "../../src/base/errors.ts";
import type { Log, LogLevel } from "../../src/base/log.ts";
import { ManualClock } from "./manual-clock.ts";

/** A store in memory, its files open to the test. */
export class MemoryStore implements AuthorityStore {
  readonly files = new Map<string, Buffer>();
  /** Called before every write; throws to make it fail. */
  beforeWrite: (name: string) => void = () => {};

  async read(name: string): Promise<Buffer | undefined> {
    return this.files.get(name);
  }

  async write(name: string, data: Uint8Array | string): Promise<void> {
    this.beforeWrite(name);
    this.files.set(name, Buffer.from(data));
  }

  text(name: string): string {
    return this.files.get(name)?.toString() ?? "";
  }
}

/** A log that keeps its lines. */
export class KeptLog implements Log {
  readonly lines: { readonly level: LogLevel; readonly event: string; readonly facts: Facts }[] =
    [];

  debug(event: string, facts: Facts = {}): void {
    this.lines.push({ level: "debug", event, facts });
  }
  info(event: string, facts: Facts = {}): void {
    this.lines.push({ level: "info", event, facts });
  }
  warn(event: string, facts: Facts = {}): void {
    this.lines.push({ level: "warn", event, facts });
  }
  error(event: string, facts: Facts = {}): void {
    this.lines.push({ level: "error", event, facts });
  }

  events(): string[] {
    return this.lines.map(({ event }) => event);
  }
}

/** An authority with everything around it in the test's hands. */
export interface AuthorityWorld {
  readonly authority: Authority;
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly log: KeptLog;
}

export const DAY_MS = 86_400_000;

/** Opens an authority: certificates of a week, one listener of each kind where nobody listens. */
export async function openWorld(
  parts: Partial<AuthorityOptions> & {
    readonly store?: MemoryStore;
    readonly clock?: ManualClock;
  } = {},
): Promise<AuthorityWorld> {
  const { store = new MemoryStore(), clock = new ManualClock(Date.now()) } = parts;
  const log = new KeptLog();
  const nowhere = [{ host: "127.0.0.1", port: 1 }];
  const authority = await Authority.open({
    lifetimeMs: 7 * DAY_MS,
    permit: [],
    reach: { http: nowhere, https: nowhere },
    ...parts,
    store,
    clock,
    log,
  });
  return { authority, store, clock, log };
}
