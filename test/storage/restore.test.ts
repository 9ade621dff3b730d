import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { ArchiveEntry } from "../../src/storage/archive.ts";
import { restoreStorage } from "../../src/storage/restore.ts";
import { entriesOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("shop.example");

const empty: readonly (readonly [string, readonly ArchiveEntry[]])[] = [
  ["nothing", []],
  ["a format alone", [{ kind: "file", path: "FORMAT", data: Buffer.from("1\n") }]],
];

for (const [what, entries] of empty) {
  test(`a backup of ${what}, made of a disk that was not mounted, takes the place of no storage`, async () => {
    await using opened = await openStorage();
    const { root, storage } = opened;
    await storage.certificates.save(host, certificateFor(host), { issuer: directory });
    const before = await entriesOf(join(root, "certificates"));
    await assert.rejects(restoreStorage(storage, from(entries), true), {
      code: "STORAGE_UNUSABLE",
      message: /the backup holds nothing/,
    });
    assert.deepEqual(await entriesOf(join(root, "certificates")), before);
  });
}

async function* from(entries: readonly ArchiveEntry[]): AsyncGenerator<ArchiveEntry> {
  yield* entries;
}
