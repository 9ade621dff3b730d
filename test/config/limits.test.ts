import assert from "node:assert/strict";
import { after, test } from "node:test";
import { changeLimits, limits } from "../../src/config/limits.ts";

after(() => changeLimits({}));

test("changed limits are in force until they are changed again; the others stay", () => {
  const before = { ...limits };
  changeLimits({ connectionsMax: 7, parkedMax: undefined });
  assert.deepEqual(limits, { ...before, connectionsMax: 7 });
  changeLimits({ parkedMax: 8 });
  assert.deepEqual(limits, { ...before, parkedMax: 8 });
});
