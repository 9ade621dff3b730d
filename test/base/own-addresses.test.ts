import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { test } from "node:test";
import { ownAddresses } from "../../src/base/own-addresses.ts";

test("A machine has its loopback address among its own", () => {
  assert.ok(ownAddresses().includes("127.0.0.1"));
});

test("Where a sandbox forbids to ask, no address is known, and nothing ends", (t) => {
  const { mock } = t.mock.method(os, "networkInterfaces", () => {
    throw new Error(
      "A system error occurred: uv_interface_addresses returned Unknown system error 97",
    );
  });
  syncBuiltinESMExports();
  t.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });
  assert.deepEqual(ownAddresses(), []);
});
