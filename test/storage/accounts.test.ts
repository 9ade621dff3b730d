import assert from "node:assert/strict";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { accountFolderOf } from "../../src/storage/layout.ts";
import { pathsOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const { key } = certificateFor(named("a.example"));
const account = {
  directory,
  key,
  url: "https://ca.example/account/1",
  createdAt: 1_700_000_000_000,
};
const folderName = accountFolderOf(directory);

test("an account is read back, and each CA has its own", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  const other = { ...account, directory: "https://ca.example/directory2", url: undefined };
  await accounts.save(account);
  await accounts.save(other);
  assert.deepEqual(await accounts.load(directory), account);
  assert.deepEqual(await accounts.load(other.directory), other);
  assert.equal(await accounts.load("https://ca.example/directory3"), undefined);
});

test("a key saved before the CA is asked becomes an account once it has answered", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  await accounts.save({ ...account, url: undefined });
  assert.equal((await accounts.load(directory))?.url, undefined);
  await accounts.save(account);
  assert.deepEqual(await accounts.load(directory), account);
});

test("a new key beside the description of the old one is an account whose URL is not known", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  await accounts.save(account);
  const renewed = certificateFor(named("b.example")).key;
  await writeFile(join(opened.root, "accounts", folderName, "account.key"), renewed);
  const found = await accounts.load(directory);
  assert.deepEqual([found?.key, found?.url], [renewed, undefined]);
});

test("a key that the CA is about to be told stands beside the old one, until one of them is saved alone", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  const nextKey = certificateFor(named("b.example")).key;
  await accounts.save(account);
  await accounts.save({ ...account, nextKey });
  assert.deepEqual(await accounts.load(directory), { ...account, nextKey });
  await accounts.save({ ...account, key: nextKey });
  assert.deepEqual(await accounts.load(directory), { ...account, key: nextKey });
  assert.ok(!(await pathsOf(opened.root)).some((path) => path.endsWith("next.key")));
});

test("a next key that cannot be read is moved aside alone", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  await accounts.save(account);
  await writeFile(join(opened.root, "accounts", folderName, "next.key"), "half");
  assert.deepEqual(await accounts.load(directory), account);
  const moved = (await pathsOf(opened.root)).filter((path) => /^quarantine.*next\.key/.test(path));
  assert.equal(moved.length, 1);
});

const broken: readonly {
  readonly name: string;
  readonly file: string;
  readonly content: string | undefined;
  readonly keeps: "nothing" | "the key";
  readonly moves: string | undefined;
}[] = [
  {
    name: "the key is missing",
    file: "account.key",
    content: undefined,
    keeps: "nothing",
    moves: undefined,
  },
  { name: "the key is empty", file: "account.key", content: "", keeps: "nothing", moves: "folder" },
  {
    name: "the key is garbage",
    file: "account.key",
    content: "-----BEGIN",
    keeps: "nothing",
    moves: "folder",
  },
  {
    name: "the description is missing",
    file: "account.json",
    content: undefined,
    keeps: "the key",
    moves: undefined,
  },
  {
    name: "the description is empty",
    file: "account.json",
    content: "",
    keeps: "the key",
    moves: "account.json",
  },
  {
    name: "the description is a brace",
    file: "account.json",
    content: "{",
    keeps: "the key",
    moves: "account.json",
  },
  {
    name: "the description is another CA's",
    file: "account.json",
    content: '{"version":1,"directory":"https://other.example/"}',
    keeps: "the key",
    moves: "account.json",
  },
];

for (const { name, file, content, keeps, moves } of broken) {
  test(`S8: when ${name}, ${keeps} of the account remains`, async () => {
    await using opened = await openStorage();
    const { accounts } = opened.storage;
    await accounts.save(account);
    const path = join(opened.root, "accounts", folderName, file);
    if (content === undefined) await rm(path);
    else await writeFile(path, content);
    const expected = keeps === "nothing" ? undefined : { ...account, url: undefined, createdAt: 0 };
    assert.deepEqual(await accounts.load(directory), expected);
    assert.deepEqual(await accounts.load(directory), expected);
    const moved = await pathsOf(join(opened.root, "quarantine"));
    assert.equal(
      moved.some((entry) => entry.startsWith(`accounts/${folderName}/${moves ?? ""}`)),
      moves !== undefined,
    );
    await accounts.save(account);
    assert.deepEqual(await accounts.load(directory), account);
  });
}

test("S13: an account folder that is a link is not read through, and not written through", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  const elsewhere = join(opened.root, "../elsewhere");
  await mkdir(elsewhere);
  await writeFile(join(elsewhere, "account.key"), key);
  await symlink(elsewhere, join(opened.root, "accounts", folderName));
  await assert.rejects(accounts.save(account), { code: "STORAGE_CORRUPT" });
  assert.equal(await accounts.load(directory), undefined);
  assert.deepEqual(await pathsOf(elsewhere), ["account.key"]);
});
