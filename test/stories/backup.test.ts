import assert from "node:assert/strict";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { entriesOf, temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
const storage = join(folder.path, "storage");
const secret = join(folder.path, "passphrase");
await writeFile(secret, "open sesame\n");
const file = join(folder.path, "latchkey.backup");
const config = "workers: 1\nhosts: { a.localhost: { respond: ok }, b.localhost: { respond: ok } }";

const runOn = (latchkey: Latchkey, ...args: readonly string[]) =>
  runProgram("sh", ["src/latchkey.sh", ...args, "--config", latchkey.file]);

test("a storage that was lost is whole again from its backup, and nothing is ordered anew", async () => {
  const serials = async (latchkey: Latchkey) =>
    (await latchkey.status()).hosts.map(({ host, serial }) => `${host} ${serial}`);
  let before: readonly string[] = [];
  {
    await using latchkey = await Latchkey.start({ config, storage });
    for (const name of ["a.localhost", "b.localhost"])
      await latchkey.event("certificate.swapped", ({ host }) => host === name);
    before = await serials(latchkey);
    const { code, stdout, stderr } = await runOn(
      latchkey,
      ...["backup", file, "--passphrase", `file:${secret}`],
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /latchkey\.backup: \d+ files of /);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.doesNotMatch(await readFile(file, "latin1"), /PRIVATE KEY|localhost/);

    const refused = await runOn(latchkey, "restore", file, "--passphrase", `file:${secret}`);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /Cannot .*another/);
    await latchkey.stop();

    const kept = await entriesOf(storage);
    await rm(storage, { recursive: true });
    const restored = await runOn(latchkey, "restore", file, "--passphrase", `file:${secret}`);
    assert.equal(restored.code, 0, restored.stderr);
    const isKept = ({ path }: { path: string }) => !/^(?:lock|quarantine|admin)/.test(path);
    assert.deepEqual((await entriesOf(storage)).filter(isKept), kept.filter(isKept));
  }
  await using latchkey = await Latchkey.start({ config, storage });
  assert.deepEqual(await serials(latchkey), before);
  assert.equal(latchkey.count("order.started"), 0);
});

test("restore changes nothing of a storage in use, unless it is told to put that aside", async () => {
  await using latchkey = await Latchkey.start({ config, storage });
  await latchkey.stop();
  const before = await entriesOf(storage);
  const wrong = join(folder.path, "wrong");
  await writeFile(wrong, "open barley");
  const rows = [
    { args: ["restore", file, "--passphrase", `file:${secret}`], says: /it is not empty/ },
    { args: ["restore", file, "--passphrase", `file:${wrong}`, "--replace"], says: /is wrong/ },
    {
      args: ["restore", `${file}.none`, "--passphrase", `file:${secret}`],
      says: /Cannot read ".*\.none": it does not exist/,
    },
    { args: ["restore", secret, "--passphrase", `file:${secret}`], says: /no backup of Latchkey/ },
  ];
  for (const { args, says } of rows) {
    const { code, stderr } = await runOn(latchkey, ...args);
    assert.equal(code, 1);
    assert.match(stderr, says);
    const isOurs = ({ path }: { path: string }) => path !== "lock";
    assert.deepEqual((await entriesOf(storage)).filter(isOurs), before.filter(isOurs));
  }
  // The backup knows no failures: those of before must not come back as its own.
  await writeFile(join(storage, "attempts", "a.localhost.json"), "{}");
  const { code } = await runOn(
    latchkey,
    ...["restore", file, "--passphrase", `file:${secret}`, "--replace"],
  );
  assert.equal(code, 0);
  const paths = (await entriesOf(storage)).map(({ path }) => path);
  assert.ok(!paths.includes("attempts/a.localhost.json"), paths.join("\n"));
  const aside = (await entriesOf(storage)).filter(({ path }) =>
    /^quarantine\/before-restore-[^/]+\/certificates\/a\.localhost\/current$/.test(path),
  );
  assert.equal(aside.length, 1);
});

const usage = [
  { spec: "open sesame", says: /everybody on this machine can see it/ },
  { spec: "env:NOT_SET_ANYWHERE", says: /NOT_SET_ANYWHERE is not set/ },
  { spec: undefined, says: /there is no terminal to ask on/ },
];

for (const { spec, says } of usage) {
  test(`backup with ${spec ?? "no passphrase"} is a mistake that is told`, async () => {
    await mkdir(storage, { recursive: true });
    const written = join(folder.path, "latchkey.yaml");
    await writeFile(written, `storage: ${storage}\n${config}\n`);
    const option = spec === undefined ? [] : ["--passphrase", spec];
    const args = ["src/latchkey.sh", "backup", file, "--config", written, ...option];
    const { code, stderr } = await runProgram("sh", args);
    assert.equal(code, 1);
    assert.match(stderr, says);
  });
}
