import assert from "node:assert/strict";
import { test } from "node:test";
import { issuerInTurn, type TurnedFailure, turnAfter } from "../../src/certificate/turn.ts";
import type { IssuerTurn } from "../../src/storage/attempts.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = 1_000 * HOUR;
const issuers = ["a", "b", "c"];

const failure = (changes: Partial<TurnedFailure> = {}): TurnedFailure => ({
  weight: "counted",
  now: NOW,
  waitUntil: undefined,
  ladderAt: NOW + MINUTE,
  ...changes,
});
const at = (issuer: string, failures: number, waits: Record<string, number> = {}): IssuerTurn => ({
  issuer,
  failures,
  waits,
});

interface Row {
  readonly name: string;
  readonly turn?: IssuerTurn;
  readonly failure?: Partial<TurnedFailure>;
  readonly of?: readonly string[];
  readonly becomes: IssuerTurn;
  /** After now. */
  readonly in: number;
}

const rows: readonly Row[] = [
  { name: "a first failure leaves the turn", becomes: at("a", 1), in: MINUTE },
  {
    name: "the second in a row gives it to the next, which is asked at once",
    turn: at("a", 1),
    becomes: at("b", 0),
    in: 0,
  },
  {
    name: "what waits for a person gives it on at the first",
    failure: { weight: "decisive" },
    becomes: at("b", 0),
    in: 0,
  },
  {
    name: "what the issuer has nothing to do with counts for nothing",
    turn: at("a", 1),
    failure: { weight: "none" },
    becomes: at("a", 1),
    in: MINUTE,
  },
  {
    name: "a short Retry-After is waited for",
    failure: { waitUntil: NOW + 30_000 },
    becomes: at("a", 1, { a: NOW + 30_000 }),
    in: 30_000,
  },
  {
    name: "a Retry-After of hours gives it on, and is kept",
    failure: { waitUntil: NOW + 5 * HOUR },
    becomes: at("b", 0, { a: NOW + 5 * HOUR }),
    in: 0,
  },
  {
    name: "after the last issuer the round starts again by the ladder",
    turn: at("c", 1),
    becomes: at("a", 0),
    in: MINUTE,
  },
  {
    name: "an issuer that is not to be asked yet is passed over in the next round",
    turn: at("c", 1, { a: NOW + 5 * HOUR, b: NOW - 1 }),
    becomes: at("b", 0, { a: NOW + 5 * HOUR }),
    in: MINUTE,
  },
  {
    name: "when none is to be asked yet, the one that is ready first has the turn, then",
    turn: at("c", 0, { a: NOW + 5 * HOUR, b: NOW + 4 * HOUR }),
    failure: { waitUntil: NOW + 3 * HOUR },
    becomes: at("c", 0, { a: NOW + 5 * HOUR, b: NOW + 4 * HOUR, c: NOW + 3 * HOUR }),
    in: 3 * HOUR,
  },
  {
    name: "the next issuer is not asked before it said",
    of: ["a", "b"],
    turn: at("a", 1, { b: NOW + 30_000 }),
    becomes: at("b", 0, { b: NOW + 30_000 }),
    in: 30_000,
  },
  {
    name: "one that is not to be asked for long is passed over for the one behind it",
    turn: at("a", 1, { b: NOW + HOUR }),
    becomes: at("c", 0, { b: NOW + HOUR }),
    in: 0,
  },
  {
    name: "one that is not to be asked for long does not hold up the one before it",
    of: ["a", "b"],
    turn: at("a", 1, { b: NOW + 24 * HOUR }),
    becomes: at("a", 0, { b: NOW + 24 * HOUR }),
    in: MINUTE,
  },
  {
    name: "an only issuer keeps it, whatever happens",
    of: ["a"],
    turn: at("a", 7),
    failure: { weight: "decisive" },
    becomes: at("a", 8),
    in: MINUTE,
  },
  {
    name: "an issuer that the configuration does not name any more has no turn",
    turn: at("gone", 1),
    becomes: at("a", 1),
    in: MINUTE,
  },
];

for (const { name, of = issuers, turn, failure: changes, becomes, in: wait } of rows) {
  test(`turns: ${name}`, () => {
    assert.deepEqual(turnAfter(of, turn, failure(changes)), { turn: becomes, at: NOW + wait });
  });
}

test("the first issuer has the turn, unless another one of the list has it", () => {
  assert.equal(issuerInTurn(issuers, undefined), 0);
  assert.equal(issuerInTurn(issuers, at("c", 1)), 2);
  assert.equal(issuerInTurn(issuers, at("gone", 1)), 0);
});
