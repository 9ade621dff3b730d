import assert from "node:assert/strict";
import { test } from "node:test";
import { type HostEvent, WatchedLog } from "../../src/base/watched-log.ts";
import { keptLog } from "../support/stored.ts";

test("a watched log tells a listener what happens to its host, and nothing else", () => {
  const inner = keptLog();
  const log = new WatchedLog(inner);
  const heard: HostEvent[] = [];
  const end = log.watch("a.example", (happened) => heard.push(happened));
  log.info("order.started", { host: "a.example" });
  log.info("order.started", { host: "b.example" });
  log.debug("order.polled", { host: "a.example" });
  log.warn("storage.readonly");
  end();
  log.error("certificate.failed", { host: "a.example" });
  assert.deepEqual(heard, [{ event: "order.started", facts: { host: "a.example" } }]);
  assert.equal(inner.events.length, 5);
});
