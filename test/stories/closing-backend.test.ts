import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, raceWithClosing } from "../support/closing-backend.ts";

test("B6: of 10,000 requests against a backend that closes when it likes, each GET is answered and no POST is sent twice", async (t) => {
  let [lost, crossed] = [0, 0];
  // A connection has a thousand requests at most.
  for (let round = 1; round <= 10; round += 1) {
    const race = await raceWithClosing(1_000, 60 + round);
    assert.deepEqual(faultsOf(race), [], `seed ${60 + round}`);
    lost += race.lost.length;
    crossed += race.crossed;
  }
  t.diagnostic(`${crossed} came when the backend had closed; ${lost} POSTs among them: 502`);
  assert.ok(crossed > 0); // else nothing was tested
});
