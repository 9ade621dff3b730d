import { exists } from "../base/exists.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { type AdminEnd, type AdminSteps, serveAdmin } from "./server.ts";

/**
 * The admin socket for as long as the program runs. A storage that is read-only has no place for it, and deleting
 * the storage takes it along: the hosts are served all the same.
 */
export class AdminDoor {
  readonly #path: string;
  readonly #steps: AdminSteps;
  readonly #log: Log;
  /** Opened and closed by one at a time. */
  readonly #hand = new Semaphore(1);
  #close: ((end?: AdminEnd) => Promise<void>) | undefined;
  #isClosed = false;

  /** @param path As for {@link serveAdmin}. */
  constructor(path: string, steps: AdminSteps, log: Log) {
    this.#path = path;
    this.#steps = steps;
    this.#log = log;
  }

  /** Listens, unless it does already and the socket can be found. Never rejects: event `admin.unavailable`. */
  open(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed || (this.#close !== undefined && (await exists(this.#path)))) return;
      await this.#shut(); // first: closing removes the file of that name, whoever made it
      try {
        this.#close = await serveAdmin(this.#path, this.#steps);
      } catch (error) {
        this.#log.error("admin.unavailable", failureFacts(error));
      }
    });
  }

  /** Stops listening for good, or leaves the socket to a successor: then what changes nothing is answered to the end. */
  close(end: AdminEnd): Promise<void> {
    return this.#inTurn(async () => {
      this.#isClosed = true;
      await this.#shut(end);
    });
  }

  async #shut(end?: AdminEnd): Promise<void> {
    await this.#close?.(end);
    this.#close = undefined;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#hand.run(work, NEVER);
  }
}

const NEVER = new AbortController().signal;
