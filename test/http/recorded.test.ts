import assert from "node:assert/strict";
import { test } from "node:test";
import { CanonicalBackend } from "../support/canonical-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, httpBackend, RelayWorld } from "../support/relay-world.ts";
import { NEXT, shoot, shots } from "../support/vector-shots.ts";

test("T14, T15, T17, T18, T27: Of every row of the tables its request arrives once, whole and as it was sent, or nothing does", async () => {
  await using backend = await CanonicalBackend.start();
  await using world = await RelayWorld.start({
    action: forwardTo([httpBackend(backend.port)]),
    alsoNamed: ["www.shop.example"],
  });
  const wrong: unknown[] = [];
  for (const shot of shots) {
    using client = await RawClient.connect(world.port);
    await shoot(shot, client);
    const arrived = backend.arrivals.splice(0).map(({ client: _, ...request }) => request);
    const goesOn = client.statuses.filter((status) => status >= 200).length === 2;
    const first = shot.arrives === undefined ? [] : [shot.arrives];
    const expected = goesOn && shot.arrives !== undefined ? [...first, NEXT] : first;
    try {
      assert.deepEqual(arrived, expected);
    } catch {
      wrong.push({ row: shot.name, arrived, expected, statuses: client.statuses });
    }
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(backend.violations, []);
});
