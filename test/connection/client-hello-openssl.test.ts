import assert from "node:assert/strict";
import { test } from "node:test";
import {
  capturedHellos,
  HOSTILE_NAMES,
  inRecords,
  makeHello,
  serverName,
} from "../support/hello-bytes.ts";
import { compareSpoilt, compareWithOpenssl } from "../support/spoilt-hellos.ts";

for (const [client, hello] of capturedHellos) {
  test(`OpenSSL reads the same name in the hello of ${client}`, async () => {
    assert.equal(await compareWithOpenssl(hello), "both");
  });
}

test("T3: OpenSSL never reads another name than we do in a hello with a hostile name", async () => {
  for (const name of HOSTILE_NAMES) {
    await compareWithOpenssl(inRecords(makeHello({ extensions: [serverName(name)] })));
  }
});

// Twenty times as many are a story.
test("T3: OpenSSL never reads another name than we do in 1,000 spoilt hellos that we accept", async () => {
  const { both } = await compareSpoilt(1_000, 8_447);
  assert.ok(both > 500);
});
