import assert from "node:assert/strict";
import { test } from "node:test";
import { Bell } from "../../src/base/bell.ts";
import { tellFlaws } from "../../src/certificate/flaw-log.ts";
import type { Given, Pair } from "../../src/certificate/manual.ts";
import { configOf } from "../support/config-text.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 23, 6);

function given(host: string, pair: Pair): Given {
  const files = { chain: `/srv/${host}.pem`, key: `/srv/${host}.key` };
  return { host, pattern: { kind: "exact", host: named(host) }, files, pair, readAt: START };
}

/** A certificate for own.example that ends so many days after the start, of 40. */
function usable(daysLeft: number): Pair {
  const notAfter = START + daysLeft * DAY;
  const names = ["own.example"];
  return {
    kind: "usable",
    isCut: false,
    serial: "01",
    names,
    notBefore: notAfter - 40 * DAY,
    notAfter,
  };
}

test("flaws are told at the start, when a date brings a new one, and once a day while they last", async () => {
  const [clock, log, stopping] = [new ManualClock(START), keptLog(), new AbortController()];
  const all = [
    given("broken.example", { kind: "unusable", part: "key", why: "it is noise" }),
    given("own.example", usable(11)),
    given("strange.example", usable(30)),
  ];
  const config = configOf("hosts: { a.example: 3001 }");
  const running = tellFlaws(
    { config, given: () => all, changed: new Bell(), clock, log },
    stopping.signal,
  );
  const told = async (ms: number) => {
    const before = log.events.length;
    for (let gone = 0; gone < ms; gone += 600_000) {
      clock.advance(600_000);
      await clock.asleep(1);
    }
    return log.events.slice(before).map(({ event, facts }) => `${event} ${facts["host"]}`);
  };
  await clock.asleep(1);
  const atStart = log.events.map(({ event, facts }) => `${event} ${facts["code"]}`);
  assert.deepEqual(atStart, [
    "certificate.unusable CERTIFICATE_INVALID",
    "certificate.unusable CERTIFICATE_MISNAMED",
  ]);
  const [first] = log.events;
  assert.deepEqual(
    [first?.facts["host"], first?.facts["keyFile"], first?.facts["message"]],
    ["broken.example", "/srv/broken.example.key", "it is noise"],
  );
  assert.match(String(first?.facts["hint"]), /broken\.example\.key .*, then run: latchkey reload$/);
  assert.deepEqual(await told(DAY - 600_000), []);
  // A quarter of its life is left to own.example: ten days.
  assert.deepEqual(await told(600_000), [
    "certificate.unusable broken.example",
    "certificate.expiring own.example",
    "certificate.unusable strange.example",
  ]);
  stopping.abort();
  await running;
});
