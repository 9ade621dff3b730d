import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCertificateName } from "../../src/base/certificate-name.ts";
import {
  accountFolderOf,
  attemptsFileOf,
  folderOf,
  nameOf,
  nextGeneration,
  parseGeneration,
} from "../../src/storage/layout.ts";

const longLabel = "a".repeat(63);
const longest = `${longLabel}.${longLabel}.${longLabel}.${"a".repeat(61)}`;

const names = [
  { name: "store.shop.example", folder: "store.shop.example" },
  { name: "localhost", folder: "localhost" },
  { name: "*.shop.example", folder: "_.shop.example" },
  { name: "*.localhost", folder: "_.localhost" },
  { name: "xn--bcher-kva.example", folder: "xn--bcher-kva.example" },
  { name: "192.0.2.1", folder: "192.0.2.1" },
  { name: "2001:db8::1", folder: "2001:db8::1" },
  { name: longest, folder: longest },
];

for (const { name, folder } of names) {
  test(`T37: "${name.slice(0, 40)}" has a folder that leads back to it`, () => {
    const parsed = parseCertificateName(name);
    assert.ok(parsed !== undefined);
    assert.equal(folderOf(parsed), folder);
    assert.equal(nameOf(folder), parsed);
  });
}

const hostile = [
  "",
  ".",
  "..",
  "/",
  "../etc",
  "..\\etc",
  "a/../../b",
  "a/b",
  "a\\b",
  "a\0b",
  "a.example\0",
  "a.example\n",
  " a.example",
  "a.example ",
  "A.example",
  "a.example.",
  ".a.example",
  "a..example",
  "-a.example",
  "a-.example",
  "_.a.example",
  "_long.a",
  "a_b.example",
  "*",
  "*.",
  "*.*",
  "*.*.example",
  "a.*.example",
  "*.A.example",
  "*./..",
  "*.127.0.0.1",
  "0x7f.1",
  "[::1]",
  "a:b",
  "~root",
  "%2e%2e",
  "bücher.example",
  ".tmp-1",
  `${"a".repeat(64)}.example`,
  `${longest}a`,
  `a.${longest}`,
];

for (const text of hostile) {
  test(`T37: ${JSON.stringify(text.slice(0, 40))} names no folder`, () => {
    assert.equal(parseCertificateName(text), undefined);
  });
}

for (const folder of ["*.shop.example", "_.", "_", "_._.a", "_.*.a", "..", "", "_../x", "_.A"]) {
  test(`the folder ${JSON.stringify(folder)} is no host's`, () => {
    assert.equal(nameOf(folder), undefined);
  });
}

test("the attempts of every name fit into one file name, each its own", () => {
  const files = names.map(({ name }) => {
    const parsed = parseCertificateName(name);
    assert.ok(parsed !== undefined);
    return attemptsFileOf(parsed);
  });
  assert.equal(files[0], "store.shop.example.json");
  assert.equal(new Set(files).size, files.length);
  for (const file of files) {
    assert.ok(Buffer.byteLength(file) <= 255);
    assert.match(file, /^[a-z0-9_][a-z0-9._:-]*\.json$/);
  }
});

const directories = [
  "https://acme-v02.api.letsencrypt.org/directory",
  "https://acme-staging-v02.api.letsencrypt.org/directory",
  "https://127.0.0.1:14000/dir",
  "https://127.0.0.1:14000/dir/",
  "https://127.0.0.1:14000/dir?a=1",
  "https://127.0.0.1:14000/dir?a=2",
  "https://127.0.0.1/14000/dir",
  "https://ca.example/a/../../../etc/passwd",
  "https://ca.example/%2e%2e/%00",
  `https://ca.example/${"long/".repeat(200)}`,
  "internal:authority",
];

test("every directory URL has an account folder of its own, with a safe name", () => {
  const folders = directories.map(accountFolderOf);
  assert.equal(new Set(folders).size, directories.length);
  for (const folder of folders) {
    assert.match(folder, /^[a-z0-9][a-z0-9.-]*-[0-9a-f]{16}$/);
    assert.ok(folder.length <= 100);
  }
  assert.match(folders[0] ?? "", /^acme-v02\.api\.letsencrypt\.org-directory-/);
});

test("what is no URL has no account folder", () => {
  assert.throws(() => accountFolderOf("../../etc"), TypeError);
});

const generations = [
  { taken: [], next: 1 },
  { taken: [1], next: 2 },
  { taken: [7, 3], next: 8 },
  { taken: [999_998], next: 999_999 },
  { taken: [999_999], next: 1 },
  { taken: [999_999, 1, 2], next: 3 },
];

for (const { taken, next } of generations) {
  test(`after generations [${taken}] comes ${next}`, () => {
    assert.equal(nextGeneration(taken), next);
  });
}

for (const text of ["", "1", "0000001", "000000", "00000a", "../000001", "000001/", " 000001"]) {
  test(`${JSON.stringify(text)} is no generation`, () => {
    assert.equal(parseGeneration(text), undefined);
  });
}
