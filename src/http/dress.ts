import type { Rules } from "../config/rules.ts";
import {
  type AnswerEdits,
  answerEdits,
  dressed,
  joinedEdits,
  removedFrom,
} from "./answer-edits.ts";
import type { Fields } from "./fields.ts";
import type { ResponseHead } from "./head.ts";
import type { HeadEdits } from "./policy.ts";
import type { OwnAnswer } from "./refuse.ts";
import { answerTrailers } from "./trailers.ts";

type DressRules = Pick<Rules, "pages" | "response">;

/** What rules and policies change in the answers to one request after the other. */
export class Dress {
  readonly #ofHost: DressRules | undefined;
  #rules: DressRules | undefined;
  /** Fields of the answer that are its connection's. */
  #named: readonly string[] = [];
  /** What policies say of the request. */
  edits: HeadEdits | undefined;

  /** `ofHost`: what holds while nobody knows the path of a request. */
  constructor(ofHost: DressRules | undefined) {
    this.#ofHost = ofHost;
  }

  /** Starts on another request. */
  begin(): void {
    this.#rules = this.#ofHost;
    this.#named = [];
    this.edits = undefined;
  }

  /** The place of the request is known, and its rules. */
  enter(rules: DressRules | undefined): void {
    this.#rules = rules;
  }

  /** What does not go on of a 1xx answer. */
  removed(named: readonly string[]): readonly string[] {
    return [...named, ...removedFrom(this.#rules)];
  }

  /** Of a backend's answer. Rules are about its fields: `lines` and what a policy tells the client are ours. */
  of(head: ResponseHead, named: readonly string[], lines: string): AnswerEdits | undefined {
    this.#named = named;
    const edits = answerEdits(this.#rules, head);
    const ours = (this.edits?.answerLines ?? "") + lines;
    return ours === "" ? edits : joinedEdits(edits, { removed: [], lines: ours });
  }

  /** The lines of a backend's trailers that go on. */
  trailers(trailers: Fields | undefined): string {
    return answerTrailers(trailers, this.#named, this.#rules);
  }

  /** Of an answer of ours. */
  own(answer: OwnAnswer): OwnAnswer {
    const dress = dressed(answer, this.#rules);
    return { ...dress, lines: dress.lines + (this.edits?.answerLines ?? "") };
  }
}
