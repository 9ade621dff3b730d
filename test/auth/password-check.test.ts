import assert from "node:assert/strict";
import { test } from "node:test";
import { PasswordCheck, type PasswordOutcome } from "../../src/auth/password-check.ts";
import { usersOf } from "../../src/auth/users.ts";
import { limits } from "../../src/config/limits.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../support/passwords.ts";

const users = usersOf({ ops: CHEAP_HASH, ["Zoe\u0308"]: CHEAP_HASH });
const RIGHT = { user: "ops", password: CHEAP_PASSWORD };
const CLIENT = "192.0.2.1";

function checkAt(): { check: PasswordCheck; clock: { now: number } } {
  const clock = { now: 1_000_000 };
  return { check: new PasswordCheck(() => clock.now), clock };
}

test("the right password lets its user in, and nobody else", async () => {
  const { check } = checkAt();
  /** Who, with what, and what comes of it. */
  const cases: readonly (readonly [string, string, PasswordOutcome["kind"]])[] = [
    ["ops", CHEAP_PASSWORD, "right"],
    ["Zo\u00eb", CHEAP_PASSWORD, "right"],
    ["ops", `${CHEAP_PASSWORD} `, "wrong"],
    ["ops", "", "wrong"],
    ["Ops", CHEAP_PASSWORD, "wrong"],
    ["", CHEAP_PASSWORD, "wrong"],
    ["__proto__", CHEAP_PASSWORD, "wrong"],
  ];
  for (const [user, password, kind] of cases) {
    assert.equal((await check.check(users, { user, password }, CLIENT)).kind, kind, user);
  }
});

test("whoever was right is known at once for a while, and from every address", async () => {
  const { check, clock } = checkAt();
  assert.ok(check.check(users, RIGHT, CLIENT) instanceof Promise);
  await check.check(users, RIGHT, CLIENT);
  assert.deepEqual(check.check(users, RIGHT, "192.0.2.2"), { kind: "right" });
  assert.ok(check.check(users, { ...RIGHT, password: "x" }, CLIENT) instanceof Promise);
  clock.now += limits.passwordMemoryMs;
  assert.ok(check.check(users, RIGHT, CLIENT) instanceof Promise);
});

test("a right password is not known for another user, nor for another hash of the same name", async () => {
  const { check } = checkAt();
  await check.check(users, RIGHT, CLIENT);
  const others = usersOf({ ops: CHEAP_HASH.replace(/[^$]+$/, "A".repeat(43)) });
  assert.equal((await check.check(others, RIGHT, CLIENT)).kind, "wrong");
  assert.ok(check.check(users, { ...RIGHT, user: "Zo\u00eb" }, CLIENT) instanceof Promise);
});

test("one client guesses so often and then slowly; others and those who are known go on", async () => {
  const { check, clock } = checkAt();
  await check.check(users, RIGHT, "192.0.2.2");
  const guess = (password: string, client = CLIENT) =>
    check.check(users, { user: "ops", password }, client);
  const all = Array.from({ length: limits.passwordGuessesBurst + 5 }, (_, index) =>
    guess(`${index}`),
  );
  const kinds = (await Promise.all(all)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "wrong").length, limits.passwordGuessesBurst);
  assert.equal(kinds.filter((kind) => kind === "too-often").length, 5);

  assert.deepEqual(await guess("x"), { kind: "too-often", waitMs: limits.passwordGuessEveryMs });
  assert.deepEqual(await guess(CHEAP_PASSWORD), { kind: "right" });
  assert.deepEqual(await guess("x", "192.0.2.3"), { kind: "wrong" });
  clock.now += limits.passwordGuessEveryMs;
  assert.deepEqual(await guess("y"), { kind: "wrong" });
  assert.equal((await guess("z")).kind, "too-often");
});

test("a right password costs no guess", async () => {
  const { check, clock } = checkAt();
  for (let round = 0; round <= limits.passwordGuessesBurst; round += 1) {
    assert.deepEqual(await check.check(users, RIGHT, CLIENT), { kind: "right" });
    clock.now += limits.passwordMemoryMs;
  }
});

test("the same guess many times at once is one", async () => {
  const { check } = checkAt();
  const all = Array.from({ length: 100 }, () => check.check(users, RIGHT, CLIENT));
  assert.deepEqual(new Set((await Promise.all(all)).map(({ kind }) => kind)), new Set(["right"]));
});

test("a flood of guesses from everywhere waits in a bounded queue", async () => {
  const { check } = checkAt();
  const room = limits.passwordChecksMax + limits.passwordQueueMax;
  const all = Array.from({ length: room + 7 }, (_, index) =>
    check.check(users, { user: "ops", password: "x" }, `192.0.2.${index}`),
  );
  const kinds = (await Promise.all(all)).map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "wrong").length, room);
  assert.equal(kinds.filter((kind) => kind === "busy").length, 7);
});

test("a name that nobody has takes as long as one that somebody has", async () => {
  const { check } = checkAt();
  const times = { ops: [] as number[], nobody: [] as number[] };
  // By turns, so that what the machine has in the way is in the way of both.
  for (let round = 0; round < 25; round += 1) {
    for (const user of ["ops", "nobody"] as const) {
      const startedAt = performance.now();
      await check.check(users, { user, password: `${round}` }, `${user}${round}`);
      times[user].push(performance.now() - startedAt);
    }
  }
  const [known, unknown] = [Math.min(...times.ops), Math.min(...times.nobody)];
  assert.ok(unknown > known / 2 && unknown < known * 2, `${known} and ${unknown} ms`);
});
