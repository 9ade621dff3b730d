import { RecentMap } from "../base/recent-map.ts";
import { limits } from "../config/limits.ts";

/** What `onDemand.ask` said about a name; `undefined` when it said nothing, or could not be asked now. */
export type Said = boolean | undefined;

interface Answer {
  readonly said: Said;
  readonly until: number;
}

/**
 * What the operator's service said a moment ago. Its yes and its no lie in tables of their own, so that
 * names which strangers make up push out no customer.
 */
export class AnswerMemory {
  readonly #allowed = new RecentMap<string, Answer>(limits.askCacheMax);
  readonly #others = new RecentMap<string, Answer>(limits.askCacheMax);

  /** The answer to this question; `undefined` when it must be put again. */
  get(question: string, now: number): Answer | undefined {
    const answer = this.#allowed.get(question) ?? this.#others.get(question);
    if (answer === undefined) return undefined;
    // Nor may a clock that was set back make it last.
    const isFresh = now < answer.until && answer.until <= now + limits.askCacheMs;
    return isFresh ? answer : undefined;
  }

  /** Remembers an answer for a minute; that there was none, for some seconds. */
  set(question: string, said: Said, now: number): void {
    const lifeMs = said === undefined ? limits.askSilenceMs : limits.askCacheMs;
    const [own, other] = said ? [this.#allowed, this.#others] : [this.#others, this.#allowed];
    own.set(question, { said, until: now + lifeMs });
    other.delete(question);
  }
}
