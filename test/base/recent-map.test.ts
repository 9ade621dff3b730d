import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentMap } from "../../src/base/recent-map.ts";

test("RecentMap forgets what was used the longest ago", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.get("a");
  map.set("c", 3);
  assert.deepEqual(
    [...map],
    [
      ["a", 1],
      ["c", 3],
    ],
  );
  assert.equal(map.get("b"), undefined);
});

test("RecentMap takes a new value for a key without forgetting another", () => {
  const map = new RecentMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  assert.equal(map.size, 2);
  assert.equal(map.get("a"), 3);
  assert.ok(map.has("b"));
  map.delete("b");
  assert.equal(map.size, 1);
});
