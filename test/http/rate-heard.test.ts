import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import { get, RelayWorld } from "../support/relay-world.ts";

const [host] = configOf(`hosts:
  shop.example:
    to: 1
    paths:
      /own/: { respond: ok, rateLimit: { requests: 3, per: 1h } }
`).hosts;

test("what another worker tells of a rate counts where nobody has asked for its host yet", async () => {
  assert.ok(host?.action.kind === "forward");
  const { scope } = host.action.paths[0]?.rules?.rateLimit ?? {};
  assert.ok(scope !== undefined);
  await using world = await RelayWorld.start({ action: host.action });
  world.relay.hearSpent([
    { scope: "of another configuration", client: "192.0.2.7", count: 3 },
    { scope, client: "192.0.2.7", count: 2 },
  ]);
  using client = await RawClient.connect(world.port);
  for (let request = 0; request < 3; request += 1) client.say(get("", "/own/"));
  await client.until(({ statuses }) => statuses.length === 3);
  assert.deepEqual(client.statuses, [200, 429, 429]);
});
