import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { CanonicalBackend } from "../support/canonical-backend.ts";
import { FrameClient } from "../support/h2-frames.ts";
import { expectedOf, h2Shots, shootFrames } from "../support/h2-shots.ts";
import { forwardTo, httpBackend, RelayWorld } from "../support/relay-world.ts";
import type { Expected } from "../support/vector-shots.ts";

test("T15, T22, T24: Of every row of HTTP/2's tables its request arrives once, whole and as it was sent, or nothing does", async () => {
  const wrong: unknown[] = [];
  for (const shot of h2Shots) {
    // Its own, so that what comes after the end of a broken connection is taken for nothing of the next row.
    await using backend = await CanonicalBackend.start();
    const action = forwardTo([httpBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    using client = await FrameClient.connect(world.port);
    await shootFrames(shot, client);
    const { must, may } = expectedOf(shot, client);
    const arrived = backend.arrivals.map(({ client: _, ...request }) => request);
    const further = without(arrived, must);
    const isFine =
      further !== undefined &&
      (further.length === 0 || without(may, [...must, ...further]) !== undefined);
    const ends = [client.status(1), client.status(3)];
    if (!isFine || backend.violations.length > 0)
      wrong.push({ row: shot.name, arrived, must, may, ends, violations: backend.violations });
  }
  assert.deepEqual(wrong, []);
});

/** What is left of `all` without each of `some`; `undefined`: one of them is not there. */
function without(all: readonly Expected[], some: readonly Expected[]): Expected[] | undefined {
  const left = [...all];
  for (const each of some) {
    const at = left.findIndex((other) => isDeepStrictEqual(other, each));
    if (at === -1) return undefined;
    left.splice(at, 1);
  }
  return left;
}
