import assert from "node:assert/strict";
import { test } from "node:test";
import { Budgets } from "../../src/certificate/budgets.ts";
import { pausing } from "../../src/certificate/pausing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog } from "../support/stored.ts";

const DIRECTORY = "https://ca.example/directory";
const HOUR = 3_600_000;
const places = {
  newNonce: "https://ca.example/nonce",
  newAccount: "https://ca.example/account",
  newOrder: "https://ca.example/order",
  renewalInfo: "https://ca.example/renewal",
};
const never = new AbortController().signal;

/** A CA that says what the test wants, behind the way that it may close. */
function wayOf() {
  const clock = new ManualClock();
  const sent: string[] = [];
  let next = { status: 200, headers: {} };
  const budgets = new Budgets({
    clock,
    log: keptLog(),
    ratesOf: () => ({}),
    store: { load: async () => [], save: async () => {} },
  });
  const transport = pausing(
    {
      request: async ({ url }) => {
        sent.push(url);
        return { ...next, body: url === DIRECTORY ? JSON.stringify(places) : "{}" };
      },
    },
    DIRECTORY,
    { budgets, clock, noticed: () => {} },
  );
  const ask = (url: string) =>
    transport.request({ method: "POST", url, headers: {}, body: undefined }, never);
  const answers = (status: number, headers = {}) => {
    next = { status, headers };
  };
  return { clock, sent, ask, answers };
}

const inAnHour = { "retry-after": new Date(Date.UTC(2026, 10, 23, 7)).toUTCString() };
const rows = [
  { at: places.newNonce, status: 429, closes: [DIRECTORY, places.newOrder] },
  { at: places.newAccount, status: 429, closes: [places.newOrder] },
  { at: DIRECTORY, status: 429, closes: [places.newNonce] },
  { at: places.newOrder, status: 503, closes: [places.newNonce, places.newOrder] },
  { at: "https://ca.example/order/1", status: 503, closes: [places.newOrder] },
  { at: places.newOrder, status: 429, closes: [] },
  { at: "https://ca.example/order/1", status: 429, closes: [] },
  { at: `${places.renewalInfo}/id`, status: 429, closes: [`${places.renewalInfo}/other`] },
];

for (const { at, status, closes } of rows) {
  test(`C3: ${status} with a date at ${at} lets nothing through to ${closes.join(" and ") || "nowhere"}`, async () => {
    const { clock, sent, ask, answers } = wayOf();
    await ask(DIRECTORY);
    answers(status, inAnHour);
    assert.equal((await ask(at)).status, status);
    answers(200);
    sent.length = 0;
    clock.advance(HOUR - 1);
    for (const url of closes) await assert.rejects(ask(url), { code: "ACME_PAUSED" });
    assert.deepEqual(sent, []);
    const isAll = closes.some((url) => !url.startsWith(places.renewalInfo));
    if (!isAll) assert.equal((await ask(places.newOrder)).status, 200);
    clock.advance(1);
    for (const url of closes) assert.equal((await ask(url)).status, 200);
  });
}

test("C2: a 503 that names no time closes nothing: the ladder of the name that met it is enough", async () => {
  const { ask, answers } = wayOf();
  answers(503);
  await ask(DIRECTORY);
  answers(200);
  assert.equal((await ask(DIRECTORY)).status, 200);
});

test("a directory that is nonsense is passed on as it is", async () => {
  const { ask } = wayOf();
  assert.equal((await ask("https://ca.example/nonsense")).status, 200);
});
