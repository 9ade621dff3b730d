import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notice, NoticeState } from "../../src/alert/notice.ts";
import { AlertAudit } from "./alert-audit.ts";

const MINUTE = 60_000;
const KEY = "renewal.failing a.example";

/** A world of one trouble; its story is told in words, one after the other. */
class Story {
  #now = 0;
  #isOn = false;
  /** Is it by a clock that was ahead? */
  #isTooSoon = false;
  readonly #audit = new AlertAudit({
    now: () => this.#now,
    wrongNow: () => new Set(this.#isOn ? [KEY] : []),
    setRight: () => {
      if (this.#isTooSoon) this.#isOn = false;
    },
  });

  /** What is found wrong with it, without its times. */
  tell(words: readonly string[]): string[] {
    for (const word of words) this.#happen(word);
    return this.#audit.faults.map((fault) => fault.slice(fault.indexOf(": ") + 2));
  }

  #happen(word: string): void {
    const [what, first = "", severity = "warning"] = word.split(" ");
    if (what === "on" || what === "off") this.#isOn = what === "on";
    else if (what === "early") this.#isTooSoon = true;
    else if (what === "clock") this.#audit.disturbed();
    else if (what === "pass") this.#pass(Number(first));
    else if (what === "down") this.#now += Number(first) * MINUTE;
    else this.#audit.told(noticeOf(first, severity === "critical" ? severity : "warning"));
  }

  #pass(minutes: number): void {
    for (let each = 0; each < minutes; each += 5) {
      this.#now += 5 * MINUTE;
      this.#audit.observe(5 * MINUTE);
    }
  }
}

function noticeOf(word: string, severity: Notice["severity"]): Notice {
  const [, together, said = ""] = /^(more:)?(.+)$/.exec(word) ?? [];
  const state: NoticeState = said === "begun" || said === "recovered" ? said : "reminder";
  const more = { event: "alerts.more", key: "alerts.more", detail: `${state}: ${KEY}` } as const;
  const one = { event: "renewal.failing", key: KEY, detail: null } as const;
  return {
    ...{ state, severity, host: null, message: "", hint: null, nextAttemptAt: null },
    ...{ since: "", at: "" },
    ...(together === undefined ? one : more),
  };
}

/** What happens (minutes), and what is wrong with it. */
const table: readonly (readonly [story: readonly string[], faults: readonly string[]])[] = [
  [["on", "pass 5", "told begun", "pass 600", "off", "told recovered", "pass 600"], []],
  [["on", "pass 5", "told more:begun", "off", "pass 5", "told more:recovered", "pass 60"], []],
  [["on", "pass 10", "off", "pass 600"], []],
  [["on", "down 600", "pass 5", "told begun"], []],
  [["on", "pass 600"], ["not told of"]],
  [["on", "told begun", "off", "pass 600"], ["not told that it is over"]],
  [["on", "told begun", "pass 60", "told begun"], ["told twice that it began"]],
  [["on", "told begun", "pass 60", "told begun critical"], []],
  [["on", "told begun critical", "pass 60", "told begun critical"], ["told twice that it began"]],
  [["pass 60", "told begun"], ["told of, and nothing was wrong"]],
  [["told recovered"], ["told that it is over, and not that it began"]],
  [["on", "told begun", "told recovered"], ["told that it is over while it lasts"]],
  [["on", "told begun", "early", "clock", "told recovered", "pass 600"], []],
  [["on", "told begun", "pass 1440", "told reminder", "pass 1440", "told reminder"], []],
  [["on", "told begun", "pass 60", "told reminder"], ["reminded of within a day"]],
  [["on", "told begun", "pass 60", "clock", "told reminder"], []],
  [["on", "told begun", "off", "told recovered", "on", "pass 60", "told begun"], []],
  [["on", "told begun", "off", "told recovered", "on", "pass 600"], ["not told of"]],
];

for (const [story, faults] of table) {
  test(`of "${story.join(", ")}" is said: ${faults.join(", ") || "all is well"}`, () => {
    assert.deepEqual(new Story().tell(story), faults);
  });
}
