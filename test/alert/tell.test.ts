import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../src/alert/tell.ts";
import type { ToldTrouble } from "../../src/storage/told-troubles.ts";

const told: ToldTrouble = {
  ...{ key: "renewal.failing a.example", kind: "renewal.failing", host: "a.example" },
  ...{ severity: "warning", message: "The renewal of a.example fails; it is good until May" },
  ...{ since: 0, toldAt: 0, state: "begun", isDelivered: true, endedAt: 1_000 },
};

test("what is over is told as over, without what was true of it then", () => {
  const [telling] = tell([{ told, trouble: undefined, state: "recovered" }], 1_000, () => true);
  const { message, state, detail, hint } = telling?.notice ?? assert.fail("nothing is told");
  assert.equal(message, "No longer so: The renewal of a.example fails");
  assert.deepEqual([state, detail, hint], ["recovered", null, null]);
});
