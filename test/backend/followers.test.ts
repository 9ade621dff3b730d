import assert from "node:assert/strict";
import { test } from "node:test";
import { BackendNames } from "../../src/backend/names.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog } from "../support/stored.ts";
import { turns } from "../support/ticks.ts";

const [OLD, NEW] = ["192.0.2.8", "192.0.2.9"];
const TTL_MS = 60_000;

/** A name that is followed by those who were told so, and its answers. */
class Followed {
  readonly clock = new ManualClock();
  readonly strayed: string[] = [];
  readonly names: BackendNames;
  answer: readonly string[] = [OLD];

  constructor() {
    const find = async () => ({
      addresses: this.answer.map((address) => ({ address, family: 4 })),
      ttlMs: TTL_MS,
    });
    this.names = new BackendNames({ find, clock: this.clock, log: keptLog() });
  }

  lookup(): Promise<unknown> {
    return new Promise((resolve) => this.names.lookup("app.example", {}, resolve));
  }

  follow(address: string): void {
    this.names.follow("app.example", address, { stray: () => this.strayed.push(address) });
  }

  /** The next answer. */
  async next(...answer: readonly string[]): Promise<void> {
    this.answer = answer;
    await this.clock.asleep(1);
    this.clock.advance(TTL_MS);
    await turns();
  }
}

test("who gets to an address that its name leads to no more hears of it as early as those who were there", async () => {
  const followed = new Followed();
  await followed.lookup();
  followed.answer = [NEW];
  followed.clock.advance(TTL_MS);
  await followed.lookup();
  for (const each of [OLD, NEW]) followed.follow(each);
  assert.deepEqual(followed.strayed, []);
  await followed.next(NEW);
  assert.deepEqual(followed.strayed, [OLD]);
});

test("a name that tells another part of its addresses each time loses none, but one that is missing for a minute", async () => {
  const followed = new Followed();
  const [one, two, three] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
  followed.answer = [one, two];
  await followed.lookup();
  for (const each of [one, two, three]) followed.follow(each);
  for (let round = 0; round < 5; round += 1) {
    await followed.next(two, three);
    await followed.next(three, one);
    await followed.next(one, two);
  }
  assert.deepEqual(followed.strayed, []);
  await followed.next(one, three);
  await followed.next(one, three);
  assert.deepEqual(followed.strayed, [two]);
});

test("K2: a clock that is set back by a year keeps nobody at an address that is gone", async () => {
  const followed = new Followed();
  await followed.lookup();
  followed.follow(OLD);
  await followed.next(NEW);
  followed.clock.advance(-365 * 86_400_000);
  await followed.lookup();
  assert.deepEqual(followed.strayed, [OLD]);
});
