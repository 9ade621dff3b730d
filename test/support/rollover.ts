import { systemClock } from "../../src/base/clock.ts";
import { Accounts, type Endpoint, type Rolled } from "../../src/certificate/account.ts";
import { Storage } from "../../src/storage/storage.ts";
import { type CaAddress, transportTo } from "./https-authority.ts";
import { urlOf } from "./scripted-ca.ts";
import { type KeptLog, keptLog } from "./stored.ts";

const TIMEOUT_MS = 20_000;

/** The program's own storage and accounts, as far as a change of keys needs them, with a scripted CA of another process. */
export class Rollover implements AsyncDisposable {
  readonly log: KeptLog;
  readonly #storage: Storage;
  readonly #accounts: Accounts;
  readonly #endpoint: Endpoint;

  private constructor(storage: Storage, ca: CaAddress, log: KeptLog) {
    this.log = log;
    this.#storage = storage;
    this.#endpoint = { directory: urlOf("/directory"), transport: transportTo(ca) };
    this.#accounts = new Accounts({
      email: undefined,
      clock: systemClock,
      log,
      register: (_directory, work) => work(),
      store: storage.accounts,
    });
  }

  /** @param aheadMs How far its clock is ahead: the lease of a dead program is over in an hour. */
  static async open(root: string, ca: CaAddress, aheadMs = 0): Promise<Rollover> {
    const clock = { ...systemClock, now: () => Date.now() + aheadMs };
    const log = keptLog();
    const storage = await Storage.open({ root, clock, log });
    await storage.acquire(AbortSignal.timeout(TIMEOUT_MS));
    return new Rollover(storage, ca, log);
  }

  roll(): Promise<Rolled> {
    return this.#accounts.roll(this.#endpoint, AbortSignal.timeout(TIMEOUT_MS));
  }

  /** Places an order: rejects when the CA does not take our key. The account's URL. */
  async order(): Promise<string | undefined> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const client = await this.#accounts.clientFor(this.#endpoint, signal);
    await client.newOrder({ names: ["a.example"] }, signal);
    return client.accountUrl;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#storage.close();
  }
}
