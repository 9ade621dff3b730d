import assert from "node:assert/strict";
import { test } from "node:test";
import { Followers } from "../../src/backend/followers.ts";

test("Nobody follows any name once the last one has left, whichever name that followed", () => {
  const followers = new Followers();
  const [one, other] = [{ stray() {} }, { stray() {} }];
  assert.equal(followers.isEmpty, true);
  followers.add("one.example", "192.0.2.1", one, undefined);
  followers.add("other.example", "192.0.2.2", other, undefined);
  followers.delete("one.example", one);
  followers.delete("one.example", other);
  assert.deepEqual([followers.isEmpty, followers.names], [false, ["other.example"]]);
  followers.delete("other.example", other);
  assert.equal(followers.isEmpty, true);
});
