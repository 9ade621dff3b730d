import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { backup } from "../../src/cli/backup.ts";
import { entriesOfStorage } from "../../src/storage/backup.ts";
import { fillStorage } from "../support/filled-storage.ts";
import { temporaryFolder } from "../support/folders.ts";

const BEFORE = "the backup of before";

const nothing: readonly {
  readonly what: string;
  readonly make: (root: string) => Promise<unknown>;
}[] = [
  { what: "that is missing", make: async () => {} },
  { what: "whose disk is not mounted", make: (root) => mkdir(root, { mode: 0o700 }) },
  {
    what: "in which nothing was ever kept",
    make: async (root) => {
      await mkdir(join(root, "certificates"), { recursive: true, mode: 0o700 });
      await writeFile(join(root, "FORMAT"), "1\n");
    },
  },
  {
    what: "that does not say which format it has",
    make: async (root) => {
      await fillStorage(root, ["shop.example"]);
      await rm(join(root, "FORMAT"));
    },
  },
];

for (const { what, make } of nothing) {
  test(`a storage ${what} is not put in the place of the backup of before`, async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "storage");
    const file = join(folder.path, "latchkey.backup");
    await make(root);
    await writeFile(file, BEFORE);
    const options = await optionsIn(folder.path);
    await assert.rejects(backup(file, options), {
      code: "STORAGE_UNUSABLE",
      message: /^Cannot use the storage folder ".*\/storage": .*(?:is mounted|nothing to keep)/,
    });
    assert.equal(await readFile(file, "utf8"), BEFORE);
    const left = (await readdir(folder.path)).filter((name) => name.includes(".backup"));
    assert.deepEqual(left, ["latchkey.backup"]);
  });
}

test("a storage whose disk goes away while it is read makes no backup", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  await fillStorage(root, ["shop.example"]);
  const entries = entriesOfStorage(root);
  assert.equal((await entries.next()).value?.path, "FORMAT");
  await rename(root, join(folder.path, "elsewhere"));
  await assert.rejects(
    async () => {
      for await (const _entry of entries);
    },
    { code: "STORAGE_UNUSABLE" },
  );
});

async function optionsIn(folder: string) {
  const config = join(folder, "latchkey.yaml");
  await writeFile(config, "storage: storage\nhosts: { a.internal: 3001 }\n");
  await writeFile(join(folder, "secret"), "open sesame");
  return { config, passphrase: `file:${join(folder, "secret")}` };
}
