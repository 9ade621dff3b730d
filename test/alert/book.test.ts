import assert from "node:assert/strict";
import { test } from "node:test";
import { markDelivered, turnPage } from "../../src/alert/book.ts";
import type { Telling } from "../../src/alert/tell.ts";
import { keyOf, type Severity, type Trouble } from "../../src/base/trouble.ts";
import { limits } from "../../src/config/limits.ts";
import type { ToldTrouble } from "../../src/storage/told-troubles.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function trouble(host: string, severity: Severity = "warning"): Trouble {
  return {
    ...{ kind: "renewal.failing", host, severity, message: `${host} fails` },
    ...{ detail: "because", hint: "do", nextAttemptAt: undefined },
  };
}

/** A book that is turned by hand, with receivers that take everything unless told otherwise. */
class Reader {
  book: readonly ToldTrouble[] = [];
  now = Date.UTC(2026, 10, 23, 6);
  messages = Number.POSITIVE_INFINITY;
  isHeard = true;
  undecided: readonly string[] = [];
  underWay: readonly string[] = [];
  tellings: readonly Telling[] = [];

  /** Looks after so long; what was told, as `host state`. */
  look(afterMs: number, ...troubles: readonly Trouble[]): string[] {
    this.now += afterMs;
    const take = () => {
      this.messages -= 1;
      return this.messages >= 0;
    };
    const isUndecided = (key: string) => this.undecided.includes(key);
    const holds = (key: string) => this.underWay.includes(key);
    const sight = { troubles, isUndecided };
    const page = turnPage(this.book, sight, this.now, { take, holds });
    this.book = this.isHeard ? page.tellings.reduce(markDelivered, page.book) : page.book;
    this.tellings = page.tellings;
    return page.tellings.map(({ notice }) => `${notice.host} ${notice.state}`);
  }
}

test("a trouble is told once when it begins, once a day while it lasts, and once when it is over", () => {
  const reader = new Reader();
  const told: string[] = [];
  for (let minute = 0; minute <= 3 * 24 * 60; minute += 1)
    told.push(...reader.look(MINUTE, trouble("a.example")));
  told.push(...reader.look(MINUTE), ...reader.look(MINUTE), ...reader.look(DAY));
  const reminders = Array.from({ length: 3 }, () => "a.example reminder");
  assert.deepEqual(told, ["a.example begun", ...reminders, "a.example recovered"]);
  assert.deepEqual(reader.book, []);
});

test("what comes and goes every minute is told of once an hour", () => {
  const reader = new Reader();
  const told: string[] = [];
  for (let minute = 0; minute < 24 * 60; minute += 2) {
    told.push(...reader.look(MINUTE, trouble("a.example")));
    told.push(...reader.look(MINUTE));
  }
  assert.ok(told.length <= 48 && told.length >= 40, `${told.length}`);
  const [first, second, third] = told;
  assert.deepEqual(
    [first, second, third],
    ["a.example begun", "a.example recovered", "a.example begun"],
  );
});

test("what grows from a warning to a crisis is told again at once", () => {
  const reader = new Reader();
  assert.deepEqual(reader.look(0, trouble("a.example")), ["a.example begun"]);
  assert.deepEqual(reader.look(MINUTE, trouble("a.example", "critical")), ["a.example begun"]);
  assert.deepEqual(reader.look(MINUTE, trouble("a.example", "critical")), []);
  assert.deepEqual(reader.look(MINUTE, trouble("a.example")), []);
});

test("what no receiver took is told again every quarter of an hour, its end too, for a day", () => {
  const reader = new Reader();
  reader.isHeard = false;
  const perHour = Math.floor(HOUR / limits.alertRetellMs);
  let told = 0;
  for (let minute = 0; minute < 60; minute += 1)
    told += reader.look(MINUTE, trouble("a.example")).length;
  assert.equal(told, perHour);
  let ends = 0;
  for (let minute = 0; minute < 3 * 24 * 60; minute += 1) ends += reader.look(MINUTE).length;
  assert.ok(ends >= 24 * perHour - 1 && ends <= 24 * perHour + 1, `${ends}`);
  assert.deepEqual(reader.book, []);
});

test("what is still on its way to a slow receiver is not sent a second time", () => {
  const reader = new Reader();
  reader.isHeard = false;
  assert.deepEqual(reader.look(0, trouble("a.example")), ["a.example begun"]);
  reader.underWay = [keyOf(trouble("a.example"))];
  assert.deepEqual(reader.look(HOUR, trouble("a.example")), []);
  assert.deepEqual(reader.look(MINUTE, trouble("a.example", "critical")), ["a.example begun"]);
  assert.deepEqual(reader.look(MINUTE), ["a.example recovered"]);
});

test("a restart, whose memory is the book alone, repeats nothing", () => {
  const reader = new Reader();
  reader.look(0, trouble("a.example"));
  reader.book = JSON.parse(JSON.stringify(reader.book)); // undefined and absent are the same
  for (let start = 0; start < 100; start += 1)
    assert.deepEqual(reader.look(MINUTE, trouble("a.example")), []);
});

test("what nobody has looked at yet is not over", () => {
  const reader = new Reader();
  reader.look(0, trouble("a.example"));
  reader.undecided = [keyOf(trouble("a.example"))];
  assert.deepEqual(reader.look(MINUTE), []);
  reader.undecided = [];
  assert.deepEqual(reader.look(MINUTE), ["a.example recovered"]);
});

test("a clock that was a year ahead does not keep us silent for a year", () => {
  const reader = new Reader();
  reader.now += 365 * DAY;
  reader.look(0, trouble("a.example"));
  reader.look(-365 * DAY, trouble("a.example"));
  assert.deepEqual(reader.look(DAY, trouble("a.example")), ["a.example reminder"]);
});

test("a hundred at once are ten messages, the most urgent alone and the rest together", () => {
  const reader = new Reader();
  reader.messages = 10;
  const many = Array.from({ length: 99 }, (_, index) => trouble(`h${index}.example`));
  const told = reader.look(0, ...many, trouble("shop.example", "critical"));
  assert.equal(told.length, 10);
  assert.equal(told[0], "shop.example begun");
  const last = reader.tellings.at(-1)?.notice;
  assert.deepEqual([last?.event, last?.host, last?.state], ["alerts.more", null, "begun"]);
  assert.match(last?.message ?? "", /^91 more alerts/);
  assert.match(last?.detail ?? "", /^begun: renewal\.failing h8\.example\n.*\nand 71 more$/s);
  assert.deepEqual(reader.look(MINUTE, ...many, trouble("shop.example", "critical")), []);
});

test("without a message left nothing is lost: it waits for the next one", () => {
  const reader = new Reader();
  reader.messages = 0;
  assert.deepEqual(reader.look(0, trouble("a.example"), trouble("b.example")), []);
  reader.messages = 1;
  assert.deepEqual(reader.look(MINUTE, trouble("a.example"), trouble("b.example")), ["null begun"]);
  reader.messages = 1;
  assert.deepEqual(reader.look(MINUTE, trouble("b.example")), ["a.example recovered"]);
});

test("the book holds no more than it may, and takes others when some are over", () => {
  const reader = new Reader();
  const many = Array.from({ length: limits.troublesMax + 5 }, (_, index) =>
    trouble(`h${index}.example`),
  );
  reader.look(0, ...many);
  assert.equal(reader.book.length, limits.troublesMax);
  reader.look(MINUTE, ...many.slice(10));
  reader.look(2 * HOUR, ...many.slice(10));
  assert.deepEqual(reader.look(MINUTE, ...many.slice(10)).length, 5);
});
