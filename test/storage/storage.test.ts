import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fingerprintOf } from "../../src/storage/key-file.ts";
import { Storage } from "../../src/storage/storage.ts";
import { entriesOf, pathsOf, temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { certificateFor, directory, keptLog, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const never = new AbortController().signal;
const isRoot = process.geteuid?.() === 0;
const folders = [
  "accounts",
  "attempts",
  "authority",
  "certificates",
  "dns",
  "orders",
  "quarantine",
];

function open(root: string, log = keptLog(), readOnly = false) {
  return Storage.open({ root, clock: new ManualClock(), log, readOnly });
}

test("a fresh storage has its folders and its format, and can be opened again", async () => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "a/b/storage");
  const log = keptLog();
  await using first = await open(root, log);
  assert.equal(first.writable, true);
  assert.deepEqual(await pathsOf(root), ["FORMAT", ...folders]);
  assert.equal(await readFile(join(root, "FORMAT"), "utf8"), "1\n");
  await using _second = await open(root, log);
  assert.deepEqual(log.events, []);
});

test("all that is ever written is 0700 and 0600, whatever the umask", async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  await using opened = await openStorage();
  const { storage, root } = opened;
  const credential = certificateFor(host);
  const { key } = credential;
  await storage.certificates.save(host, credential, { issuer: directory });
  await storage.certificates.save(host, credential, { issuer: directory });
  await storage.accounts.save({ directory, key, url: undefined, createdAt: 0 });
  await storage.orders.save({ host, directory, orderUrl: directory, key, createdAt: 0 });
  await storage.attempts.save({
    host,
    kind: "unreachable",
    attempts: 1,
    nextAttemptAt: 0,
    lastError: { type: "ACME_UNREACHABLE", detail: "", hint: undefined, at: 0 },
  });
  const none = { failures: 1, window: undefined, hurriedAt: undefined };
  await storage.renewalInfos.save(host, { serial: "00", nextCheckAt: 0, ...none });
  const name = "_acme-challenge.shop.example";
  await storage.publishedRecords.save({ certificate: host, name, value: "x" });
  await storage.authority.write("root.pem", "x");
  await storage.certificates.quarantine(host, 1, "a test");
  const fingerprint = fingerprintOf(key);
  await storage.revokedKeys.save({ fingerprint, host, isInUse: true, untold: undefined });
  await storage.probe();
  const entries = await entriesOf(root);
  assert.equal(entries.length, 33);
  for (const { path, kind, mode } of entries) {
    if (kind === "link") continue;
    assert.equal(mode, kind === "folder" ? 0o700 : 0o600, path);
  }
});

test("looser modes are tightened, and it is said", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "certificates"), { mode: 0o755 });
  await chmod(folder.path, 0o750);
  await chmod(join(folder.path, "certificates"), 0o755);
  const log = keptLog();
  await using _storage = await open(folder.path, log);
  assert.deepEqual(
    log.events.map(({ event, facts }) => [event, facts["from"]]),
    [
      ["storage.tightened", "750"],
      ["storage.tightened", "755"],
    ],
  );
  for (const { path, kind, mode } of await entriesOf(folder.path)) {
    if (kind === "folder") assert.equal(mode, 0o700, path);
  }
});

test("looser modes of the folders and keys of hosts, accounts and orders are tightened at start, told in one line", async () => {
  await using opened = await openStorage();
  const { certificates, authority } = opened.storage;
  await certificates.save(host, certificateFor(host), { issuer: directory });
  await certificates.save(host, certificateFor(host), { issuer: directory });
  await authority.write("root.key", "x");
  await opened.storage.close();
  const at = (...path: readonly string[]) => join(opened.root, ...path);
  await mkdir(at("accounts/ca"));
  await writeFile(at("accounts/ca/account.key"), "x");
  const elsewhere = at("elsewhere");
  await writeFile(elsewhere, "x", { mode: 0o644 });
  await symlink(elsewhere, at("accounts/ca/link"));
  await chmod(at("accounts/ca"), 0o755);
  await chmod(at("accounts/ca/account.key"), 0o664);
  await chmod(at("authority/root.key"), 0o644);
  await chmod(at("certificates", host), 0o777);
  await chmod(at("certificates", host, "000001"), 0o755);
  await chmod(at("certificates", host, "000001/key.pem"), 0o644);
  await chmod(at("certificates", host, "000002/key.pem"), 0o640);
  await using storage = await opened.reopen();
  await storage.acquire(never);
  const { path, from, others } = opened.log.only("storage.tightened");
  assert.deepEqual([path, from, others], [join("certificates", host), "777", 6]);
  for (const entry of await entriesOf(opened.root)) {
    if (entry.kind === "link" || entry.path.endsWith("elsewhere")) continue;
    assert.equal(entry.mode, entry.kind === "folder" ? 0o700 : 0o600, entry.path);
  }
  assert.equal((await stat(elsewhere)).mode & 0o777, 0o644, "links are not followed");
});

for (const place of ["accounts", "orders", "certificates"]) {
  test(`S13: behind a folder in ${place} that is a link nothing is tightened or removed`, async () => {
    await using folder = await temporaryFolder();
    await using opened = await openStorage();
    await opened.storage.close();
    const elsewhere = join(folder.path, "elsewhere");
    const names = ["account.key", "000001/key.pem", ".tmp-1-gone-1-chain.pem"];
    await mkdir(join(elsewhere, "000001"), { recursive: true });
    for (const name of names) await writeFile(join(elsewhere, name), "x");
    await chmod(join(elsewhere, "000001"), 0o755);
    await symlink(elsewhere, join(opened.root, place, host));
    await mkdir(join(opened.root, "certificates", "a.example"));
    await symlink(join(elsewhere, "000001"), join(opened.root, "certificates/a.example/000001"));
    const before = await entriesOf(elsewhere);
    await using storage = await opened.reopen();
    await storage.acquire(never);
    assert.deepEqual(await entriesOf(elsewhere), before);
  });
}

for (const inner of ["", "certificates", "accounts"]) {
  const skip = isRoot ? false : "only root can give a folder to another user";
  test(`S6: a storage whose folder "${inner}" is another user's is refused`, { skip }, async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, inner), { recursive: true });
    await chown(join(folder.path, inner), 65_534, 65_534);
    await assert.rejects(open(folder.path), { code: "STORAGE_UNUSABLE" });
    await using looking = await open(folder.path, keptLog(), true);
    assert.equal(looking.writable, false);
    await chown(join(folder.path, inner), 0, 0);
  });
}

const formats = [
  { content: "1", what: "opened" },
  { content: "1\n", what: "opened" },
  { content: "2\n", what: "refused" },
  { content: "99999999999999999999", what: "refused" },
  { content: "", what: "mended" },
  { content: "\0\0", what: "mended" },
  { content: "0", what: "mended" },
  { content: "1.5", what: "mended" },
  { content: "two", what: "mended" },
];

for (const { content, what } of formats) {
  test(`a storage of format ${JSON.stringify(content)} is ${what}`, async () => {
    await using folder = await temporaryFolder();
    const format = join(folder.path, "FORMAT");
    await writeFile(format, content);
    if (what === "refused") {
      await assert.rejects(open(folder.path), { code: "STORAGE_UNUSABLE", message: /newer/ });
      assert.deepEqual(await pathsOf(folder.path), ["FORMAT"]);
      return;
    }
    const log = keptLog();
    await using _storage = await open(folder.path, log);
    assert.equal((await readFile(format, "utf8")).trim(), "1");
    const moved = await pathsOf(join(folder.path, "quarantine"));
    assert.equal(moved.length, what === "mended" ? 1 : 0);
    if (what !== "mended") return;
    assert.equal(await readFile(join(folder.path, "quarantine", moved[0] ?? ""), "utf8"), content);
    const { path, why } = log.only("storage.quarantined");
    assert.deepEqual([path, /FORMAT": it is no version$/.test(String(why))], ["FORMAT", true]);
  });
}

const noFiles: readonly (readonly [what: string, make: (path: string) => unknown])[] = [
  ["a pipe", (path) => execFileSync("mkfifo", [path])],
  ["a folder", (path) => mkdir(path)],
  ["a link", (path) => symlink("/etc/hostname", path)],
  ["more than a record", (path) => writeFile(path, "1".repeat(65_537))],
];

for (const [what, make] of noFiles) {
  test(`${what} in the place of FORMAT goes to quarantine, and what is stored is served`, async () => {
    await using opened = await openStorage();
    await opened.storage.certificates.save(host, certificateFor(host), { issuer: directory });
    await opened.storage.close();
    const format = join(opened.root, "FORMAT");
    await rm(format);
    await make(format);
    await using looking = await open(opened.root, keptLog(), true);
    assert.notEqual(
      await looking.certificates.load(host),
      undefined,
      "who only looks changes nothing",
    );
    await using again = await opened.reopen();
    assert.notEqual(await again.certificates.load(host), undefined);
    assert.equal(await readFile(format, "utf8"), "1\n");
    assert.match((await pathsOf(join(opened.root, "quarantine"))).join(), /^FORMAT-\d/);
  });
}

test("S13: a link to the storage is the operator's; a link inside it is refused", async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "disk"));
  await symlink("disk", join(folder.path, "storage"));
  await using storage = await open(join(folder.path, "storage"));
  assert.equal(storage.root, join(folder.path, "disk"));
  await rm(join(folder.path, "disk/orders"), { recursive: true });
  await symlink("accounts", join(folder.path, "disk/orders"));
  await assert.rejects(open(join(folder.path, "storage")), { code: "STORAGE_UNUSABLE" });
});

test("a storage where the system makes no folders is refused, and not tried for ever", async () => {
  await assert.rejects(open("/proc/latchkey/storage"), { code: "STORAGE_UNUSABLE" });
});

test("S6: a storage is made with its parents, for this user alone", async () => {
  await using folder = await temporaryFolder();
  await using storage = await open(join(folder.path, "a/b/storage"));
  for (const path of [storage.root, join(folder.path, "a/b"), join(folder.path, "a")]) {
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  }
});

test("a file in the place of the storage is refused", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "storage"), "");
  for (const path of ["storage", "storage/inner"]) {
    await assert.rejects(open(join(folder.path, path)), {
      code: "STORAGE_UNUSABLE",
      message: /: a file stands where a folder is wanted$/,
    });
  }
});

for (const name of ["", "missing"]) {
  test(`looking into ${name === "" ? "an empty" : "a missing"} folder finds and makes nothing`, async () => {
    await using folder = await temporaryFolder();
    await using storage = await open(join(folder.path, name), keptLog(), true);
    assert.deepEqual(await storage.certificates.list(), []);
    assert.deepEqual(await storage.attempts.all(), []);
    await assert.rejects(storage.acquire(never), { code: "STORAGE_FAILED" });
    await assert.rejects(storage.attempts.clear(host), { code: "STORAGE_FAILED" });
    assert.deepEqual(await pathsOf(folder.path), []);
  });
}

test("without the lease everything can be read and nothing written", async () => {
  await using opened = await openStorage();
  const saved = await opened.storage.certificates.save(host, certificateFor(host), {
    issuer: directory,
  });
  await using other = await opened.reopen();
  assert.deepEqual(await other.certificates.load(host), saved);
  const { key } = certificateFor(host);
  const writes = [
    () => other.certificates.save(host, certificateFor(host), { issuer: directory }),
    () => other.certificates.quarantine(host, 1, "a test"),
    () => other.accounts.save({ directory, key, url: undefined, createdAt: 0 }),
    () => other.orders.save({ host, directory, orderUrl: directory, key, createdAt: 0 }),
    () => other.orders.remove(host),
    () => other.attempts.clear(host),
    () => other.authority.write("root.pem", "x"),
    () => other.probe(),
  ];
  const before = await pathsOf(opened.root);
  for (const write of writes) await assert.rejects(write, { code: "STORAGE_LOCKED" });
  assert.deepEqual(await pathsOf(opened.root), before);
});

test("without the lease a broken certificate stays where it is, and counts as none", async () => {
  await using opened = await openStorage();
  await opened.storage.certificates.save(host, certificateFor(host), { issuer: directory });
  await rm(join(opened.root, "certificates", host, "000001/key.pem"));
  await using other = await opened.reopen();
  const before = await pathsOf(opened.root);
  assert.equal(await other.certificates.load(host), undefined);
  const { code, why, unmoved } = opened.log.only("storage.corrupt");
  assert.equal(code, "STORAGE_CORRUPT");
  assert.match(String(why), /key\.pem": it is missing/);
  assert.match(String(unmoved), /has not taken its lease/);
  assert.deepEqual(await pathsOf(opened.root), before);
});

test("a storage that another program has taken over is written into no more", async () => {
  await using opened = await openStorage();
  const lease = await opened.storage.acquire(never);
  await rm(join(opened.root, "lock"));
  await writeFile(join(opened.root, "lock"), "another's");
  await assert.rejects(opened.storage.authority.write("root.pem", "x"), { code: "STORAGE_LOCKED" });
  assert.equal(lease.lost.aborted, true);
  assert.deepEqual(await pathsOf(join(opened.root, "authority")), []);
});

test("a storage that is closed lets the next program in, which sweeps up", async () => {
  await using opened = await openStorage();
  await opened.storage.close();
  await writeFile(join(opened.root, "attempts/.tmp-00000000-1"), "half");
  await writeFile(join(opened.root, ".tmp-00000000-1"), "half");
  await mkdir(join(opened.root, "revoked"));
  await writeFile(join(opened.root, "revoked/.tmp-00000000-1"), "half");
  await mkdir(join(opened.root, "certificates/a.example"));
  await writeFile(join(opened.root, "certificates/a.example/.tmp-00000000-1"), "half");
  await using next = await opened.reopen();
  const lease = await next.acquire(never);
  assert.equal(await next.acquire(never), lease);
  assert.equal(lease.fencing, 2);
  const swept = ["FORMAT", ...folders, "certificates/a.example", "lock", "revoked"];
  assert.deepEqual(await pathsOf(opened.root), swept.sort());
});

test("S12: a storage that is deleted while it is open takes certificates again", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const credential = certificateFor(host);
  await certificates.save(host, credential, { issuer: directory });
  await rm(opened.root, { recursive: true });
  assert.equal(await certificates.load(host), undefined);
  assert.deepEqual(await certificates.list(), []);
  await opened.storage.probe();
  const saved = await certificates.save(host, credential, { issuer: directory });
  assert.deepEqual(await certificates.load(host), saved);
});

test("S12: a storage that is deleted while it is open is made anew, as private as it was", async (t) => {
  const before = process.umask(0);
  t.after(() => process.umask(before));
  await using opened = await openStorage();
  await rm(opened.root, { recursive: true });
  await opened.storage.confirmWritable();
  assert.deepEqual(await pathsOf(opened.root), ["FORMAT", ...folders, "lock"].sort());
  for (const path of ["", ...(await pathsOf(opened.root))]) {
    const found = await stat(join(opened.root, path));
    assert.equal(found.mode & 0o777, found.isDirectory() ? 0o700 : 0o600, path);
  }
});

/** What somebody puts where the deleted storage was, and what a write then says. */
const strangers: readonly {
  readonly what: string;
  readonly plant: (root: string) => Promise<unknown>;
  readonly says: RegExp;
  readonly needsRoot?: boolean;
}[] = [
  { what: "a file", plant: (root) => writeFile(root, ""), says: /is not a folder/ },
  { what: "a link", plant: (root) => symlink("/tmp", root), says: /is not a folder/ },
  {
    what: "another user's folder",
    plant: async (root) => {
      await mkdir(root, { mode: 0o777 });
      await chown(root, 1, 1);
    },
    says: /belongs to another user \(uid 1\)/,
    needsRoot: true,
  },
  {
    what: "a folder of ours with another user's certificates in it",
    plant: async (root) => {
      await mkdir(join(root, "certificates"), { recursive: true });
      await chown(join(root, "certificates"), 1, 1);
    },
    says: /belongs to another user \(uid 1\)/,
    needsRoot: true,
  },
];

for (const { what, plant, says, needsRoot = false } of strangers) {
  test(`S12: ${what} in the place of a deleted storage gets no key, and that is told once`, {
    skip: needsRoot && !isRoot ? "needs root" : false,
  }, async () => {
    await using opened = await openStorage();
    const { storage, root, log } = opened;
    await rm(root, { recursive: true });
    await plant(root);
    const seen = await pathsOf(dirname(root));
    const credential = certificateFor(host);
    for (let tries = 0; tries < 2; tries += 1) {
      await assert.rejects(storage.certificates.save(host, credential, { issuer: directory }), {
        code: "STORAGE_UNUSABLE",
        message: says,
      });
    }
    assert.deepEqual(await pathsOf(dirname(root)), seen);
    assert.match(storage.failure ?? "", says);
    assert.equal(log.only("storage.readonly")["code"], "STORAGE_UNUSABLE");
    await rm(root, { recursive: true });
    await storage.certificates.save(host, credential, { issuer: directory });
    assert.equal(storage.failure, undefined);
  });
}

test("S12: accounts that were deleted are written back as they were known", async () => {
  await using opened = await openStorage();
  const { accounts } = opened.storage;
  const { key } = certificateFor(host);
  const account = { directory, key, url: `${directory}/1`, createdAt: 0 };
  await accounts.save(account);
  await accounts.restore();
  await rm(opened.root, { recursive: true });
  await accounts.restore();
  assert.deepEqual(await accounts.load(directory), account);
});
