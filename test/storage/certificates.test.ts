import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { CertificateName } from "../../src/base/certificate-name.ts";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { pathsOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const meta = { issuer: directory, order: `${directory}/order/1` };

test("a saved certificate is read back with all that is known of it", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const credential = certificateFor(host);
  const saved = await certificates.save(host, credential, { ...meta, profile: "shortlived" });
  assert.equal(saved.generation, 1);
  assert.equal(saved.fellBack, false);
  assert.equal(saved.credential.key, credential.key);
  assert.equal(saved.meta.issuedAt, opened.clock.now());
  assert.deepEqual(await certificates.load(host), saved);
  assert.deepEqual(await readCurrent(certificates.folder, host), saved);
  assert.deepEqual(await pathsOf(join(certificates.folder, host)), [
    "000001",
    "000001/chain.pem",
    "000001/key.pem",
    "000001/meta.json",
    "current",
  ]);
});

test("a name that was never saved has no certificate", async () => {
  await using opened = await openStorage();
  assert.equal(await opened.storage.certificates.load(host), undefined);
  assert.equal(await readCurrent(opened.storage.certificates.folder, host), undefined);
});

test("each save is the next generation, and the one before it is kept", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  for (const generation of [1, 2, 3, 4]) {
    const saved = await certificates.save(host, certificateFor(host), meta);
    assert.equal(saved.generation, generation);
    assert.deepEqual(await certificates.load(host), saved);
  }
  const left = (await pathsOf(join(certificates.folder, host))).filter((path) => !/\//.test(path));
  assert.deepEqual(left, ["000003", "000004", "current"]);
});

test("a certificate that is worked with stays whole, however many come after it, and goes with a later one", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const first = await certificates.save(host, certificateFor(host), meta);
  const generations = async () =>
    (await pathsOf(join(certificates.folder, host))).filter((path) => /^[0-9]+$/.test(path));
  await certificates.keepWhile(host, first.meta.serial, async (folder) => {
    assert.equal(folder, join(certificates.folder, host, "000001"));
    for (let count = 0; count < 3; count += 1)
      await certificates.save(host, certificateFor(host), meta);
    assert.deepEqual(await generations(), ["000001", "000003", "000004"]);
    const key = await readFile(join(folder, "key.pem"), "utf8");
    assert.equal(key, first.credential.key);
  });
  await certificates.save(host, certificateFor(host), meta);
  assert.deepEqual(await generations(), ["000004", "000005"]);
});

test("nothing is worked with for a serial that is not stored", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const unexpected = async () => assert.fail("there is nothing to work with");
  await certificates.keepWhile(host, "01", unexpected);
  await certificates.save(host, certificateFor(host), meta);
  await certificates.keepWhile(host, "01", unexpected);
});

test("a wildcard lies beside the hosts it covers", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const wildcard: CertificateName = `*.${named("shop.example")}`;
  await certificates.save(wildcard, certificateFor(wildcard), meta);
  assert.equal((await certificates.load(wildcard))?.host, wildcard);
  assert.equal(await certificates.load(host), undefined);
  assert.equal(await readlink(join(certificates.folder, "_.shop.example/current")), "000001");
});

const unfit = [
  { name: "another host's", ...certificateFor(named("other.example")) },
  { name: "a deeper wildcard's", ...certificateFor(`*.${named("example")}`) },
  {
    name: "another key's",
    chain: certificateFor(host).chain,
    key: certificateFor(host).key,
  },
  { name: "no", chain: "", key: "" },
];

for (const { name, chain, key } of unfit) {
  test(`${name} certificate is not saved`, async () => {
    await using opened = await openStorage();
    const { certificates } = opened.storage;
    await assert.rejects(certificates.save(host, { chain, key }, meta), {
      code: "CERTIFICATE_INVALID",
    });
    assert.deepEqual(await pathsOf(certificates.folder), []);
  });
}

test("saves of one host at once come one after the other", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const saved = await Promise.all(
    [1, 2, 3, 4, 5].map(() => certificates.save(host, certificateFor(host), meta)),
  );
  assert.deepEqual(
    saved.map(({ generation }) => generation),
    [1, 2, 3, 4, 5],
  );
  assert.deepEqual(await certificates.load(host), saved[4]);
});

test("a reader beside a writer always finds a whole certificate, and never an older one", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  await certificates.save(host, certificateFor(host), meta);
  const credentials = Array.from({ length: 30 }, () => certificateFor(host));
  let isWriting = true;
  const writer = (async () => {
    for (const credential of credentials) await certificates.save(host, credential, meta);
    isWriting = false;
  })();
  let latest = 0;
  while (isWriting) {
    const found = await readCurrent(certificates.folder, host);
    assert.ok(found !== undefined && found.generation >= latest);
    latest = found.generation;
  }
  await writer;
  assert.equal((await readCurrent(certificates.folder, host))?.generation, 31);
});

test("S7: a broken generation is moved aside, the one before it serves, and `current` follows", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const old = await certificates.save(host, certificateFor(host), meta);
  await certificates.save(host, certificateFor(host), meta);
  await writeFile(join(certificates.folder, host, "000002/key.pem"), "");
  assert.deepEqual(await certificates.load(host), { ...old, fellBack: true });
  const { to } = opened.log.only("storage.quarantined");
  assert.match(String(to), /^quarantine\/certificates\/store\.shop\.example\/000002-/);
  assert.ok((await pathsOf(join(opened.root, String(to)))).includes("chain.pem"));
  assert.deepEqual(await certificates.load(host), old);
  const next = await certificates.save(host, certificateFor(host), meta);
  assert.equal((await certificates.load(host))?.generation, next.generation);
});

test("when nothing of a host is whole it has no certificate, and its numbers go on", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  await certificates.save(host, certificateFor(host), meta);
  await certificates.save(host, certificateFor(host), meta);
  for (const generation of ["000001", "000002"]) {
    await rm(join(certificates.folder, host, generation, "chain.pem"));
  }
  assert.equal(await certificates.load(host), undefined);
  assert.equal(await certificates.load(host), undefined);
  assert.equal(opened.log.events.length, 2);
  const saved = await certificates.save(host, certificateFor(host), meta);
  assert.equal(saved.generation, 3);
  assert.deepEqual(await certificates.load(host), saved);
});

test("S7: a broken host keeps no other from being listed and loaded", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const good = named("good.example");
  await certificates.save(good, certificateFor(good), meta);
  await certificates.save(host, certificateFor(host), meta);
  await rm(join(certificates.folder, host, "000001"), { recursive: true });
  await writeFile(join(certificates.folder, host, "000001"), "a file");
  for (const junk of ["lost+found", "UPPER.example", ".tmp-1", "_.", "a b"]) {
    await mkdir(join(certificates.folder, junk));
  }
  await writeFile(join(certificates.folder, "a.file.example"), "");
  await symlink("/etc", join(certificates.folder, "planted.example"));
  assert.deepEqual(await certificates.list(), [good, host]);
  assert.equal(await certificates.load(host), undefined);
  assert.equal((await certificates.load(good))?.host, good);
});

test("a generation is moved aside on request, never replacing what was moved before", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const path = join(certificates.folder, host, "000001");
  for (const content of ["first", "second"]) {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, content), content);
    await certificates.quarantine(host, 1, "the CA revoked it");
  }
  await certificates.quarantine(host, 1, "it is gone already");
  const moved = await pathsOf(join(opened.root, "quarantine/certificates", host));
  assert.equal(moved.filter((entry) => /\/(first|second)$/.test(entry)).length, 2);
  assert.equal(opened.log.events.length, 2);
});

test("a folder in the place of `current` does not keep a certificate from being saved", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  await mkdir(join(certificates.folder, host, "current/inner"), { recursive: true });
  const saved = await certificates.save(host, certificateFor(host), meta);
  assert.deepEqual(await certificates.load(host), saved);
});

test("S13: a link planted in the place of a host's folder is moved aside, and nothing is written through it", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const elsewhere = join(opened.root, "../elsewhere");
  await mkdir(elsewhere);
  await symlink(elsewhere, join(certificates.folder, host));
  await assert.rejects(certificates.save(host, certificateFor(host), meta), {
    code: "STORAGE_CORRUPT",
  });
  assert.equal(await certificates.load(host), undefined);
  const saved = await certificates.save(host, certificateFor(host), meta);
  assert.deepEqual(await certificates.load(host), saved);
  assert.deepEqual(await pathsOf(elsewhere), []);
});

for (const [what, damage, expected] of [
  ["nothing is missing", "true", true],
  ["its folder is gone", `rm -r "$PWD"`, false],
  ["its folder is empty", "rm -r *", false],
  ["`current` is gone", "rm current", false],
  ["`current` leads nowhere", "rm -r 000001", false],
  ["`current` leads to itself", "ln -sfn current current", false],
  ["a file is in the place of the generation", "rm -r 000001 && touch 000001", false],
  ["its chain is gone", "rm current/chain.pem", false],
  ["its key is gone", "rm current/key.pem", false],
  ["its meta.json is gone", "rm current/meta.json", false],
] as const) {
  test(`S12: hasFiles says ${expected} when ${what}`, async () => {
    await using opened = await openStorage();
    const { certificates } = opened.storage;
    await certificates.save(host, certificateFor(host), meta);
    execFileSync("sh", ["-c", damage], {
      cwd: join(certificates.folder, host),
    });
    assert.equal(await certificates.hasFiles(host), expected);
  });
}
