import assert from "node:assert/strict";
import { test } from "node:test";
import { SingleFlight } from "../../src/base/single-flight.ts";

test("SingleFlight shares one run among callers of a key, and its failure too, and starts anew after it", async () => {
  const flights = new SingleFlight<string, number>();
  let runs = 0;
  const work = async () => {
    runs += 1;
    if (runs === 1) throw new Error("first");
    return runs;
  };
  const first = flights.run("a", work);
  const joined = flights.run("a", work);
  assert.equal(flights.has("a"), true);
  await assert.rejects(first, /first/);
  await assert.rejects(joined, /first/);
  assert.equal(flights.size, 0);
  assert.equal(await flights.run("a", work), 2);
});
