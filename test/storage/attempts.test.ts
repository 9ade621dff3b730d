import assert from "node:assert/strict";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FailureMemory } from "../../src/storage/attempts.ts";
import { attemptsFileOf } from "../../src/storage/layout.ts";
import { pathsOf } from "../support/folders.ts";
import { named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const label = "a".repeat(63);
const longest = named(`${label}.${label}.${label}.${"a".repeat(61)}`);

function failureOf(name: FailureMemory["host"]): FailureMemory {
  return {
    host: name,
    kind: "refused",
    attempts: 2,
    nextAttemptAt: 1_700_000_600_000,
    lastError: {
      type: "urn:ietf:params:acme:error:dns",
      detail: 'no A record for "store.shop.example"\n\u2028',
      hint: undefined,
      at: 1_700_000_000_000,
    },
  };
}

test("whose turn it is among several issuers is remembered with the failures", async () => {
  await using opened = await openStorage();
  const waits = { "https://ca.example/directory": 1_700_000_900_000 };
  const turn = { issuer: "https://second.example/directory", failures: 1, waits };
  await opened.storage.attempts.save({ ...failureOf(host), turn });
  assert.deepEqual(await opened.storage.attempts.load(host), { ...failureOf(host), turn });
});

for (const [what, key] of [
  ["a name was hurried", "hurriedAt"],
  ["an order failed that said what it replaces", "replacingFailedAt"],
] as const) {
  test(`when ${what} is remembered with its failures`, async () => {
    await using opened = await openStorage();
    const memory = { ...failureOf(host), [key]: 1_700_000_300_000 };
    await opened.storage.attempts.save(memory);
    assert.deepEqual(await opened.storage.attempts.load(host), memory);
  });
}

test("failures are remembered name by name, until they are cleared", async () => {
  await using opened = await openStorage();
  const { attempts } = opened.storage;
  const names = [host, longest, `*.${host}` as const];
  for (const name of names) await attempts.save(failureOf(name));
  for (const name of names) assert.deepEqual(await attempts.load(name), failureOf(name));
  assert.equal((await attempts.all()).length, 3);
  await attempts.clear(longest);
  await attempts.clear(longest);
  assert.equal(await attempts.load(longest), undefined);
  assert.deepEqual(
    (await attempts.all()).map((memory) => memory.host),
    [`*.${host}`, host],
  );
});

test("the words of a CA, however many, can be read back", async () => {
  await using opened = await openStorage();
  const { attempts } = opened.storage;
  const nasty = "\0".repeat(100_000);
  const memory = failureOf(host);
  const lastError = { type: nasty, detail: nasty, hint: nasty, at: 0 };
  await attempts.save({ ...memory, lastError });
  assert.equal((await attempts.load(host))?.lastError.detail, nasty.slice(0, 2_048));
});

const broken = [
  { name: "nothing", content: "" },
  { name: "a brace", content: "{" },
  { name: "zeros", content: "\0".repeat(100) },
  { name: "no fields", content: '{"version":1}' },
  { name: "no error", content: JSON.stringify({ version: 1, host, kind: "refused", attempts: 1 }) },
  {
    name: "another kind",
    content: JSON.stringify({
      version: 1,
      host,
      kind: "cursed",
      attempts: 1,
      nextAttemptAt: "2026-11-23T06:00:00Z",
      lastError: { type: "a", detail: "b", at: "2026-11-23T06:00:00Z" },
    }),
  },
  {
    name: "no attempt",
    content: JSON.stringify({
      version: 1,
      host,
      kind: "refused",
      attempts: 0,
      nextAttemptAt: "2026-11-23T06:00:00Z",
      lastError: { type: "a", detail: "b", at: "2026-11-23T06:00:00Z" },
    }),
  },
];

for (const { name, content } of broken) {
  test(`a file that says ${name} is moved aside, and hides no other`, async () => {
    await using opened = await openStorage();
    const { attempts } = opened.storage;
    const other = failureOf(named("zoo.example"));
    await attempts.save(other);
    await writeFile(join(opened.root, "attempts", attemptsFileOf(host)), content);
    assert.deepEqual(await attempts.all(), [other]);
    assert.match(String(opened.log.only("storage.quarantined")["to"]), /^quarantine\/attempts\//);
    await writeFile(join(opened.root, "attempts", attemptsFileOf(host)), content);
    assert.equal(await attempts.load(host), undefined);
    await attempts.save(failureOf(host));
    assert.deepEqual(await attempts.load(host), failureOf(host));
  });
}

test("a file under another host's name is not believed", async () => {
  await using opened = await openStorage();
  const { attempts } = opened.storage;
  await attempts.save(failureOf(host));
  const folder = join(opened.root, "attempts");
  await cp(join(folder, `${host}.json`), join(folder, "other.example.json"));
  await cp(join(folder, `${host}.json`), join(folder, "a b.json"));
  await mkdir(join(folder, "folder.example.json"));
  await symlink("/etc/hostname", join(folder, "link.example.json"));
  await writeFile(join(folder, "notes.txt"), "kept");
  assert.deepEqual(await attempts.all(), [failureOf(host)]);
  assert.deepEqual(await pathsOf(folder), ["notes.txt", `${host}.json`]);
});
