import assert from "node:assert/strict";
import { test } from "node:test";
import { Crowd, type Membership } from "../../src/base/crowd.ts";

test("who comes and goes in any order, twice too, leaves those there that have not gone", () => {
  const crowd = new Crowd<number>();
  const there = new Map<number, Membership<number>>();
  for (let step = 0; step < 1_000; step += 1) {
    there.set(step, crowd.enter(step));
    const gone = [...there.keys()][(step * 7) % there.size] ?? 0;
    const place = there.get(gone);
    if (place === undefined || step % 3 === 0) continue;
    crowd.leave(place);
    crowd.leave(place);
    there.delete(gone);
  }
  assert.equal(crowd.size, there.size);
  assert.deepEqual(
    crowd.members().sort((a, b) => a - b),
    [...there.keys()],
  );
});

test("each one has its turn although others, and itself, leave meanwhile", () => {
  for (const leaver of [0, 1, 2, 3, 4]) {
    const crowd = new Crowd<number>();
    const places = [0, 1, 2, 3, 4].map((member) => crowd.enter(member));
    const gone = new Set<number>();
    const called: number[] = [];
    crowd.each((member) => {
      called.push(member);
      for (const each of [leaver, member]) {
        const place = places[each];
        if (place === undefined || gone.has(each)) continue;
        gone.add(each);
        crowd.leave(place);
      }
    });
    const missed = [0, 1, 2, 3, 4].filter((member) => !called.includes(member));
    assert.deepEqual(
      missed.filter((member) => member !== leaver),
      [],
    );
    assert.equal(crowd.size, 0);
  }
});

test("the place with the least of something is found, and there is none in an empty crowd", () => {
  const crowd = new Crowd<number>();
  assert.equal(
    crowd.least((member) => member),
    undefined,
  );
  for (const member of [3, 1, 2]) crowd.enter(member);
  assert.equal(crowd.least((member) => member)?.member, 1);
});
