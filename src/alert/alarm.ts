import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import type { ToldBook, ToldTrouble } from "../storage/told-troubles.ts";
import { markDelivered, type Sight, turnPage } from "./book.ts";
import type { Channel } from "./channels.ts";
import type { Telling } from "./tell.ts";

/** What the alarm needs from its surroundings. */
export interface AlarmSteps {
  /** What is wrong now; `lasted` knows what was when we looked before, also before a restart. */
  look(lasted: (key: string) => boolean): Sight;
  readonly store: ToldBook;
  readonly channel: Channel;
  /**
   * When what was told cannot be written down, the next process will tell it again. Is it certain all
   * the same that this process is no link of a chain that dies and comes back?
   */
  mayTellUnsaved(): boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Tells a person what is wrong, by one channel: once when it begins, once a day while it lasts, once when it is over.
 * Each channel has an alarm of its own, so that one that is slow, or takes nothing, costs the others nothing. Looks every {@link limits.alertCheckEveryMs}, writes down what it is about to tell, then tells it, one
 * after the other. What was not taken is told again later. Read {@link Alarm.keepTelling}.
 */
export class Alarm {
  readonly #steps: AlarmSteps;
  readonly #bucket: TokenBucket;
  readonly #queue: Telling[] = [];
  #book: readonly ToldTrouble[] = [];
  /** The book is turned by one at a time. */
  readonly #hand = new Semaphore(1);
  /** When the book could not be written down the last time; `undefined`: it could. */
  #unsavedSince: number | undefined;
  #isDelivering = false;

  constructor(steps: AlarmSteps) {
    this.#steps = steps;
    this.#bucket = new TokenBucket(limits.alertRate, steps.clock.now());
  }

  /** Until the signal ends it. Never rejects. */
  async keepTelling(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#steps;
    try {
      this.#book = await store.load();
    } catch (error) {
      log.warn("storage.unreadable", failureFacts(error));
    }
    while (!signal.aborted) {
      await this.#hand.run(() => this.#look(signal), signal).catch(ignoreEnd);
      await clock.sleep(limits.alertCheckEveryMs, signal).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const now = this.#steps.clock.now();
    if (!(await this.#mayTell(now))) return;
    const before = this.#book;
    const lasting = before.filter(({ endedAt }) => endedAt === undefined).map(({ key }) => key);
    const keys = new Set(lasting);
    const sight = this.#steps.look((key) => keys.has(key));
    const { book, tellings } = turnPage(before, sight, now, {
      take: () => this.#queue.length < limits.alertQueueMax && this.#bucket.take(now),
      holds: (key) => this.#queue.some(({ keys }) => keys.includes(key)),
    });
    const hasChanged = JSON.stringify(book) !== JSON.stringify(before);
    if (hasChanged || this.#unsavedSince !== undefined) await this.#save(book, now);
    // Untold, they are as due at the next look as they are now.
    if (this.#unsavedSince !== undefined && !this.#steps.mayTellUnsaved()) return;
    this.#book = book;
    this.#queue.push(...tellings);
    void this.#deliverAll(signal);
  }

  async #mayTell(now: number): Promise<boolean> {
    if (this.#unsavedSince === undefined || this.#steps.mayTellUnsaved()) return true;
    await this.#save(this.#book, now);
    return this.#unsavedSince === undefined;
  }

  /** A disk that fails is not tried at every look. */
  async #save(book: readonly ToldTrouble[], now: number): Promise<void> {
    const { channel, store, log } = this.#steps;
    const isTooSoon =
      this.#unsavedSince !== undefined && now - this.#unsavedSince < limits.unreachableMinMs;
    if (isTooSoon) return;
    try {
      await store.save(book);
      this.#unsavedSince = undefined;
    } catch (error) {
      if (this.#unsavedSince === undefined)
        log.warn("alert.unsaved", { channel: channel.name, ...failureFacts(error) });
      this.#unsavedSince = now;
    }
  }

  /** One at a time, in their order: nobody is to hear of an end before its beginning. */
  async #deliverAll(signal: AbortSignal): Promise<void> {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    for (let next = this.#queue[0]; next && !signal.aborted; next = this.#queue[0]) {
      if (await this.#steps.channel.deliver(next.notice, signal))
        await this.#hand.run(() => this.#remember(next), signal).catch(ignoreEnd);
      this.#queue.shift();
    }
    this.#isDelivering = false;
  }

  async #remember(telling: Telling): Promise<void> {
    this.#book = markDelivered(this.#book, telling);
    await this.#save(this.#book, this.#steps.clock.now());
    const { key, state } = telling.notice;
    this.#steps.log.info("alert.sent", { alert: key, state, channel: this.#steps.channel.name });
  }
}

/** The program ends: what is on disk goes on at the next start. */
function ignoreEnd(): void {}
