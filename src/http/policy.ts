import type { Admitted } from "./admit.ts";
import type { Sender } from "./forwarded.ts";
import { type OwnAnswer, refusalWith } from "./refuse.ts";
import type { Place } from "./surroundings.ts";

/** What a policy decides about: a request that passed the gate and found its place. */
export interface Petition {
  readonly request: Admitted;
  readonly place: Place;
  readonly sender: Sender;
  readonly requestId: string;
}

/** What a policy changes in the head that goes to the backend. */
export interface HeadEdits {
  /** Fields that do not go on, in lower case. */
  readonly removed: readonly string[];
  /** Field lines that are added, each with its CRLF. */
  readonly lines: string;
  /** Field lines for the client, in whatever answer it gets, each with its CRLF. */
  readonly answerLines?: string | undefined;
  /** Whose password was right, for the access log. */
  readonly user?: string | undefined;
}

/** Forward it, with these edits if any; or answer this, for this reason. */
export type Verdict =
  | { readonly kind: "pass"; readonly edits?: HeadEdits }
  | { readonly kind: "answer"; readonly answer: OwnAnswer; readonly why: string | undefined };

/** Not forwarded, but answered in plain words; `lines`: more field lines of that answer, each with its CRLF. */
export function refused(status: number, why: string, lines = ""): Verdict {
  return { kind: "answer", answer: refusalWith(status, lines), why };
}

/** A verdict that has to be waited for. No byte of the body is read meanwhile. */
export interface Waiting {
  readonly kind: "wait";
  /** Never rejects, keeps a deadline of its own, and ends early when `signal` is aborted: the client is gone. */
  decide(signal: AbortSignal): Promise<Verdict>;
}

/**
 * One thing that is looked at between gate and backend (an address, a password, a rate …). Decides at
 * once whatever it can: a promise costs more than the whole of most requests.
 */
export type Policy = (petition: Petition) => Verdict | Waiting;

const PASS: Verdict = { kind: "pass" };

/**
 * Asks the policies of a path one after the other until one answers; a request's hot path has none. One
 * deliberation serves one request after the other.
 */
export class Deliberation {
  readonly #decided: (verdict: Verdict) => void;
  #abort: AbortController | undefined;
  #petition: Petition | undefined;
  #policies: readonly Policy[] = [];
  #next = 0;
  #edits: HeadEdits | undefined;

  /** `decided` is called once for each {@link begin}, unless that was ended before. */
  constructor(decided: (verdict: Verdict) => void) {
    this.#decided = decided;
  }

  begin(policies: readonly Policy[], petition: Petition): void {
    this.#petition = petition;
    this.#policies = policies;
    this.#next = 0;
    this.#edits = undefined;
    this.#go();
  }

  /** The request is over: whatever is still decided is not heard. */
  end(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#petition = undefined;
  }

  #go(): void {
    while (this.#petition !== undefined) {
      const policy = this.#policies[this.#next];
      this.#next += 1;
      const verdict = policy === undefined ? PASS : policy(this.#petition);
      if (verdict.kind === "wait") {
        this.#wait(verdict);
        return;
      }
      if (policy === undefined || !this.#goesOn(verdict)) this.#conclude(verdict); // and no petition is left
    }
  }

  #wait(waiting: Waiting): void {
    const abort = new AbortController();
    this.#abort = abort;
    void waiting.decide(abort.signal).then((verdict) => {
      if (this.#abort !== abort) return; // another request, or none
      this.#abort = undefined;
      if (this.#goesOn(verdict)) this.#go();
      else this.#conclude(verdict);
    });
  }

  #goesOn(verdict: Verdict): boolean {
    if (verdict.kind === "answer") return false;
    this.#edits = joined(this.#edits, verdict.edits);
    return true;
  }

  #conclude(verdict: Verdict): void {
    const edits = this.#edits;
    this.#petition = undefined;
    this.#edits = undefined;
    this.#decided(
      verdict.kind === "pass" && edits !== undefined ? { kind: "pass", edits } : verdict,
    );
  }
}

function joined(one: HeadEdits | undefined, other: HeadEdits | undefined): HeadEdits | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    removed: [...one.removed, ...other.removed],
    lines: one.lines + other.lines,
    answerLines: (one.answerLines ?? "") + (other.answerLines ?? ""),
    user: other.user ?? one.user,
  };
}
