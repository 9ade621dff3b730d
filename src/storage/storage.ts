import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { Accounts } from "./accounts.ts";
import { tryWrite } from "./atomic-write.ts";
import { Attempts } from "./attempts.ts";
import { AuthorityFiles } from "./authority-files.ts";
import { BackendsFile } from "./backends.ts";
import { BudgetFile } from "./budgets.ts";
import { Certificates } from "./certificates.ts";
import { CommandRuns } from "./command-runs.ts";
import type { Lease } from "./lease.ts";
import { acquireLease } from "./lock.ts";
import { Orders } from "./orders.ts";
import { inspectFolders, prepareFolders, resolveRoot } from "./prepare.ts";
import { PublishedRecords } from "./published-records.ts";
import { RenewalInfos } from "./renewal-info.ts";
import { RevokedKeys } from "./revoked-keys.ts";
import type { StorageFolder } from "./storage-folder.ts";
import { sweep } from "./sweep.ts";
import { ToldTroubles } from "./told-troubles.ts";

export interface StorageOptions {
  /** The folder; made when missing. */
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Names the holder of the lease in `lock`; random unless given. */
  readonly owner?: string | undefined;
  /** Only look: makes nothing, changes nothing, and may look into the folder of another user. */
  readonly readOnly?: boolean | undefined;
  /** Told when the folder is ready to be written into, also when it is again: it was full, or deleted. */
  readonly prepared?: (() => void) | undefined;
}

/**
 * What one issuance needs, with some to spare: about ten files, each of which takes a block of 4 KiB.
 * Less would let an order be placed whose URL then has no place.
 */
const PROBE_BYTES = 65_536;

/**
 * Everything that outlives the program, as the one writer sees it (CONTRACT §5). Reading needs
 * nothing; every write needs the lease of {@link Storage.acquire}.
 */
export class Storage implements StorageFolder {
  readonly root: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly certificates: Certificates;
  readonly accounts: Accounts;
  readonly orders: Orders;
  readonly attempts: Attempts;
  readonly budgets: BudgetFile;
  readonly renewalInfos: RenewalInfos;
  readonly publishedRecords: PublishedRecords;
  readonly toldTroubles: ToldTroubles;
  readonly commandRuns: CommandRuns;
  readonly backends: BackendsFile;
  readonly authority: AuthorityFiles;
  readonly revokedKeys: RevokedKeys;
  readonly #owner: string | undefined;
  readonly #mayPrepare: boolean;
  readonly #prepared: () => void;
  readonly #preparing = new SingleFlight<"prepare", void>();
  readonly #trying = new SingleFlight<"try", void>();
  #isPrepared = false;
  /** Why it could not be written into, once that was said. */
  #failure: string | undefined;
  #lease: Lease | undefined;

  /**
   * Opens the folder and makes what is missing of it. When it cannot be written into (read-only,
   * full), it opens all the same (event `storage.readonly`), so that what is stored can be served.
   *
   * @throws {LatchkeyError} `STORAGE_UNUSABLE`: not a folder, not ours, a newer format; `STORAGE_FAILED`.
   */
  static async open(options: StorageOptions): Promise<Storage> {
    const mayPrepare = options.readOnly !== true;
    const root = await resolveRoot(options.root, mayPrepare);
    await inspectFolders(root, mayPrepare);
    const storage = new Storage(options, root);
    if (mayPrepare) await storage.#prepare().catch(ignoreFailed);
    return storage;
  }

  /** For {@link Storage.open}, which looks at the folder first. */
  constructor(options: StorageOptions, root: string) {
    this.root = root;
    this.clock = options.clock;
    this.log = options.log;
    this.#owner = options.owner;
    this.#mayPrepare = options.readOnly !== true;
    this.#prepared = options.prepared ?? (() => {});
    this.revokedKeys = new RevokedKeys(this);
    this.certificates = new Certificates(this, this.revokedKeys);
    this.accounts = new Accounts(this);
    this.orders = new Orders(this);
    this.attempts = new Attempts(this);
    this.budgets = new BudgetFile(this);
    this.renewalInfos = new RenewalInfos(this);
    this.publishedRecords = new PublishedRecords(this);
    this.toldTroubles = new ToldTroubles(this);
    this.commandRuns = new CommandRuns(this);
    this.backends = new BackendsFile(this);
    this.authority = new AuthorityFiles(this);
  }

  /** Could the folder be written into when we last tried? A disk may fill up, or be freed, any time. */
  get writable(): boolean {
    return this.#isPrepared;
  }

  /** Why it could not be written into when that was last tried; `undefined` when it could. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Has another program taken it over from us? */
  get isLeaseLost(): boolean {
    return this.#lease?.lost.aborted === true;
  }

  /**
   * Takes the lease, which this storage then keeps until {@link Storage.close}; calling it again
   * while it is held gives the same one. After a loss, call it again.
   *
   * @throws {LatchkeyError} `STORAGE_LOCKED` when another program holds it, within 5 s or, for one that
   *   gives no sign, up to 20 s later; `STORAGE_FAILED`; the signal's reason when aborted.
   */
  async acquire(signal: AbortSignal): Promise<Lease> {
    if (this.#lease?.held === true) return this.#lease;
    await this.#prepare();
    await this.#lease?.release();
    const { clock, log } = this;
    const path = join(this.root, "lock");
    const prepare = () => this.#prepareAgain();
    const options = { path, clock, log, owner: this.#owner, prepare };
    const lease = await this.#orReport(acquireLease(options, signal));
    this.#lease = lease;
    await sweep(this.root, log);
    return lease;
  }

  /**
   * Resolves when 64 KiB can be written, read back and deleted now: never ask a CA for a certificate
   * that cannot be saved. Who asks meanwhile shares the outcome: on a disk with little left two at once
   * would take each other's room.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async probe(): Promise<void> {
    await this.confirmWritable();
    await this.#orReport(this.#tryWrite());
  }

  /** See {@link StorageFolder.confirmWritable}. */
  async confirmWritable(): Promise<void> {
    await this.#prepare();
    if (this.#lease === undefined) {
      throw new LatchkeyError(
        "STORAGE_LOCKED",
        `Cannot write into "${this.root}": this program has not taken its lease`,
      );
    }
    await this.#orReport(this.#lease.confirm());
  }

  /** Gives the lease back. Reading goes on to work. */
  async close(): Promise<void> {
    await this.#lease?.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#preparing.run("prepare", () => this.#prepareNow());
  }

  /** The folder was deleted, or its lock alone. */
  async #prepareAgain(): Promise<void> {
    this.#isPrepared = false;
    await this.#prepare();
  }

  async #prepareNow(): Promise<void> {
    if (!this.#mayPrepare) {
      throw new LatchkeyError(
        "STORAGE_FAILED",
        `Cannot write into "${this.root}": opened for reading only`,
      );
    }
    try {
      await prepareFolders(this);
      // On a disk that was full, folders that are there already say nothing: a real write does.
      if (this.#failure !== undefined) await this.#tryWrite();
      this.#isPrepared = true;
      if (this.#failure !== undefined) this.log.info("storage.writable", { path: this.root });
      this.#failure = undefined;
      this.#prepared();
    } catch (error) {
      this.#report(error);
      throw error;
    }
  }

  #tryWrite(): Promise<void> {
    return this.#trying.run("try", () => tryWrite(this.root, randomBytes(PROBE_BYTES)));
  }

  async #orReport<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const code = codeOf(error);
      if (code === "STORAGE_FAILED" || code === "STORAGE_UNUSABLE") {
        this.#isPrepared = false;
        this.#report(error);
      }
      throw error;
    }
  }

  /** Said once for each time that writing stops to work. */
  #report(error: unknown): void {
    const isSaid = this.#failure !== undefined;
    this.#failure = messageOf(error);
    if (isSaid) return;
    this.log.warn("storage.readonly", { path: this.root, ...failureFacts(error) });
  }
}

function ignoreFailed(error: unknown): void {
  if (codeOf(error) !== "STORAGE_FAILED") throw error;
}
