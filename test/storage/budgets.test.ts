import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { StoredBudget } from "../../src/storage/budgets.ts";
import { pathsOf } from "../support/folders.ts";
import { directory, openStorage } from "../support/stored.ts";

const AT = 1_700_000_000_000;
const other = "https://other.example/directory";
const budgets: readonly StoredBudget[] = [
  { directory, kind: "orders", subject: "", fullAt: AT, closedUntil: undefined },
  { directory, kind: "names", subject: "*.shop.example", fullAt: AT, closedUntil: AT + 1 },
  { directory, kind: "names", subject: "shop.example", fullAt: undefined, closedUntil: AT },
  { directory: other, kind: "everything", subject: "", fullAt: undefined, closedUntil: AT },
];

test("budgets are read back as they were saved", async () => {
  await using opened = await openStorage();
  assert.deepEqual(await opened.storage.budgets.load(), []);
  await opened.storage.budgets.save(budgets);
  assert.deepEqual(await opened.storage.budgets.load(), budgets);
  await opened.storage.budgets.save([]);
  assert.deepEqual(await opened.storage.budgets.load(), []);
});

test("ten thousand budgets of the longest names fit into the file", async () => {
  await using opened = await openStorage();
  const label = "a".repeat(60);
  const many = Array.from({ length: 10_000 }, (_, index): StoredBudget => {
    const subject = `n${index}.${label}.${label}.${label}.${label}`;
    return { directory, kind: "names", subject, fullAt: AT, closedUntil: AT };
  });
  await opened.storage.budgets.save(many);
  assert.equal((await opened.storage.budgets.load()).length, 10_000);
});

const broken = [
  { name: "nothing", content: "" },
  { name: "half of it", content: '{"version":1,"budgets":{' },
  { name: "a list", content: '{"version":1,"budgets":[]}' },
  { name: "no URL", content: '{"version":1,"budgets":{"ca":{}}}' },
  {
    name: "a kind nobody knows",
    content: `{"version":1,"budgets":{"${directory}":{"wishes":{}}}}`,
  },
  {
    name: "no time",
    content: `{"version":1,"budgets":{"${directory}":{"orders":{"-":{"fullAt":5}}}}}`,
  },
];

for (const { name, content } of broken) {
  test(`a budgets.json that holds ${name} is moved to quarantine, and nothing counts as spent`, async () => {
    await using opened = await openStorage();
    await writeFile(join(opened.root, "budgets.json"), content, { mode: 0o600 });
    assert.deepEqual(await opened.storage.budgets.load(), []);
    opened.log.only("storage.quarantined");
    const aside = (await pathsOf(join(opened.root, "quarantine"))).find((path) =>
      path.startsWith("budgets-"),
    );
    assert.equal(await readFile(join(opened.root, "quarantine", aside ?? ""), "utf8"), content);
    await opened.storage.budgets.save(budgets);
    assert.deepEqual(await opened.storage.budgets.load(), budgets);
  });
}
