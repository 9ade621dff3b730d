import assert from "node:assert/strict";
import { test } from "node:test";
import { compareSpoilt, readSpoilt } from "../support/spoilt-hellos.ts";

test("T2: readClientHello answers a million spoilt hellos without a throw", (context) => {
  const kinds = readSpoilt(1_000_000, 20_261_123);
  context.diagnostic(JSON.stringify(kinds));
  // The spoiling must leave some readable, or nothing was tested.
  assert.ok(kinds.complete > 100_000 && kinds.malformed > 100_000 && kinds.partial > 0);
});

test("T3: OpenSSL never reads another name than we do in 20,000 spoilt hellos that we accept", async (context) => {
  const outcomes = await compareSpoilt(20_000, 8_446);
  context.diagnostic(JSON.stringify(outcomes));
  assert.ok(outcomes.both > 10_000);
});
