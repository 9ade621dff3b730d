import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ArchiveEntry,
  archiveKeyOf,
  newArchiveKey,
  seal,
  unseal,
} from "../../src/storage/archive.ts";

const entries: readonly ArchiveEntry[] = [
  { kind: "file", path: "FORMAT", data: Buffer.from("1\n") },
  {
    kind: "file",
    path: "certificates/_.shop.example/000001/key.pem",
    data: Buffer.from([0, 255]),
  },
  { kind: "link", path: "certificates/_.shop.example/current", target: "000001" },
];

const key = await newArchiveKey("open sesame");
const [header = "", ...lines] = await sealed(entries);

async function sealed(what: readonly ArchiveEntry[]): Promise<readonly string[]> {
  return await Array.fromAsync(seal(key, iterate(what)));
}

async function* iterate<Item>(items: readonly Item[]): AsyncGenerator<Item> {
  yield* items;
}

test("an archive gives back what was put into it, and shows none of it", async () => {
  const again = await archiveKeyOf(header, "open sesame");
  assert.deepEqual(await Array.fromAsync(unseal(again, iterate(lines))), entries);
  assert.doesNotMatch([header, ...lines].join("\n"), /shop|key\.pem/);
  for (const line of lines) assert.doesNotMatch(Buffer.from(line, "base64").toString(), /shop/);
});

test("the same entries under the same passphrase look different each time", async () => {
  const other = await newArchiveKey("open sesame");
  const [, first] = await Array.fromAsync(seal(other, iterate(entries)));
  assert.notEqual(first, lines[0]);
});

function flipped(line = ""): string {
  const bytes = Buffer.from(line, "base64");
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString("base64");
}

const [first = "", second = "", third = "", end = ""] = lines;
const broken: readonly { readonly name: string; readonly lines: readonly string[] }[] = [
  { name: "without its end", lines: [first, second, third] },
  { name: "with a line left out", lines: [first, third, end] },
  { name: "with two lines swapped", lines: [second, first, third, end] },
  { name: "with a bit changed", lines: [first, flipped(second), third, end] },
  { name: "with a line behind its end", lines: [...lines, end] },
  { name: "with an empty line", lines: [first, "", third, end] },
  { name: "with nothing in it", lines: [] },
];

for (const { name, lines: changed } of broken) {
  test(`an archive ${name} is refused`, async () => {
    await assert.rejects(Array.fromAsync(unseal(key, iterate(changed))), {
      code: "BACKUP_UNREADABLE",
    });
  });
}

const outside = ["../evil", "/etc/passwd", "a/../../b", "certificates//x", "certificates/./x", ""];

for (const path of outside) {
  test(`an entry called "${path}" is refused, whoever knows the passphrase`, async () => {
    const [, ...sent] = await sealed([{ kind: "file", path, data: Buffer.alloc(1) }]);
    await assert.rejects(Array.fromAsync(unseal(key, iterate(sent))), {
      code: "BACKUP_UNREADABLE",
    });
  });
}

test("another passphrase opens nothing", async () => {
  const wrong = await archiveKeyOf(header, "open barley");
  await assert.rejects(Array.fromAsync(unseal(wrong, iterate(lines))), /the passphrase is wrong/);
});

const headers = [
  { name: "no JSON", header: "hosts:" },
  { name: "of another program", header: '{"format":"tar"}' },
  { name: "of a newer version", header: header.replace('"version":1', '"version":2') },
  { name: "with other work for the passphrase", header: header.replace("131072", "2") },
  { name: "without a salt", header: header.replace(/"salt":"[^"]*"/, '"salt":""') },
];

for (const { name, header: changed } of headers) {
  test(`a first line that is ${name} is refused before any work`, async () => {
    await assert.rejects(archiveKeyOf(changed, "open sesame"), { code: "BACKUP_UNREADABLE" });
  });
}
