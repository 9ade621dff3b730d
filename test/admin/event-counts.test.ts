import assert from "node:assert/strict";
import { test } from "node:test";
import { EventCounts } from "../../src/admin/event-counts.ts";

test("an attempt whose issuer nobody told is counted, under no issuer", () => {
  const counts = new EventCounts();
  counts.hear("certificate.failed", {});
  counts.hear("certificate.issued", { issuer: "https://ca.example/directory" });
  assert.deepEqual(
    [...counts.attempts].map(({ labels }) => labels),
    [
      ["", "failed"],
      ["https://ca.example/directory", "issued"],
    ],
  );
});
