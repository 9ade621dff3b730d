import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import {
  appendFile,
  copyFile,
  cp,
  mkdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { temporaryFolder } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const other = certificateFor(named("other.example"));
const again = certificateFor(host);

interface Damage {
  readonly name: string;
  /** What happens to the current generation, in its folder. */
  readonly inflict: (generation: string) => Promise<unknown>;
}

const pem = ["chain.pem", "key.pem"] as const;
const files = [...pem, "meta.json"] as const;

async function replace(path: string, text: string, by: string): Promise<void> {
  const before = await readFile(path, "utf8");
  assert.ok(before.includes(text));
  await writeFile(path, before.replace(text, by));
}

const encrypted = createPrivateKey(again.key)
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
  .toString();

const damages: readonly Damage[] = [
  {
    name: "chain.pem is cut in its second certificate",
    inflict: (path) => appendFile(join(path, "chain.pem"), again.chain.slice(0, 200)),
  },
  ...files.flatMap((file): Damage[] => [
    { name: `${file} is missing`, inflict: (path) => rm(join(path, file)) },
    { name: `${file} is empty`, inflict: (path) => truncate(join(path, file), 0) },
    { name: `${file} is cut short`, inflict: (path) => truncate(join(path, file), 90) },
    {
      name: `${file} is binary`,
      inflict: (path) => writeFile(join(path, file), Buffer.alloc(900, 0xe9)),
    },
    { name: `${file} is zeros`, inflict: (path) => writeFile(join(path, file), Buffer.alloc(900)) },
    { name: `${file} is HTML`, inflict: (path) => writeFile(join(path, file), "<html>503</html>") },
    { name: `${file} is 100 MB`, inflict: (path) => truncate(join(path, file), 100_000_000) },
    {
      name: `${file} is a folder`,
      inflict: async (path) => {
        await rm(join(path, file));
        await mkdir(join(path, file));
      },
    },
    {
      name: `${file} is a link`,
      inflict: async (path) => {
        await copyFile(join(path, file), join(path, "moved"));
        await rm(join(path, file));
        await symlink("moved", join(path, file));
      },
    },
    {
      name: `${file} is a pipe`,
      inflict: async (path) => {
        await rm(join(path, file));
        execFileSync("mkfifo", [join(path, file)]);
      },
    },
  ]),
  {
    name: "chain.pem is for another host",
    inflict: (path) => writeFile(join(path, "chain.pem"), other.chain),
  },
  {
    name: "chain.pem and key.pem are another host's",
    inflict: async (path) => {
      await writeFile(join(path, "chain.pem"), other.chain);
      await writeFile(join(path, "key.pem"), other.key);
    },
  },
  {
    name: "key.pem is another certificate's",
    inflict: (path) => writeFile(join(path, "key.pem"), again.key),
  },
  { name: "key.pem is encrypted", inflict: (path) => writeFile(join(path, "key.pem"), encrypted) },
  {
    name: "key.pem is a certificate",
    inflict: (path) => writeFile(join(path, "key.pem"), again.chain),
  },
  { name: "chain.pem is a key", inflict: (path) => writeFile(join(path, "chain.pem"), again.key) },
  {
    name: "chain.pem holds the key too",
    inflict: async (path) =>
      writeFile(
        join(path, "chain.pem"),
        (await readFile(join(path, "chain.pem"), "utf8")) +
          (await readFile(join(path, "key.pem"), "utf8")),
      ),
  },
  {
    name: "chain.pem goes on with a stranger",
    inflict: async (path) =>
      writeFile(
        join(path, "chain.pem"),
        (await readFile(join(path, "chain.pem"), "utf8")) + other.chain,
      ),
  },
  {
    name: "all but meta.json is of another generation",
    inflict: async (path) => {
      await writeFile(join(path, "chain.pem"), again.chain);
      await writeFile(join(path, "key.pem"), again.key);
    },
  },
  { name: "meta.json is a brace", inflict: (path) => writeFile(join(path, "meta.json"), "{") },
  {
    name: "meta.json has no fields",
    inflict: (path) => writeFile(join(path, "meta.json"), '{"version":1}'),
  },
  {
    name: "meta.json is of a newer version",
    inflict: (path) => replace(join(path, "meta.json"), '"version": 1', '"version": 2'),
  },
  {
    name: "meta.json is about another host",
    inflict: (path) => replace(join(path, "meta.json"), host, "other.example"),
  },
  {
    name: "meta.json names a path as host",
    inflict: (path) => replace(join(path, "meta.json"), host, "../../etc"),
  },
  {
    name: "meta.json has an odd time",
    inflict: (path) => replace(join(path, "meta.json"), "T06:", "T99:"),
  },
  {
    name: "meta.json has a number for text",
    inflict: (path) => replace(join(path, "meta.json"), `"${directory}"`, "7"),
  },
  {
    name: "it is a file",
    inflict: async (path) => {
      await rm(path, { recursive: true });
      await writeFile(path, "");
    },
  },
  {
    name: "it is a link",
    inflict: async (path) => {
      await cp(path, `${path}.moved`, { recursive: true });
      await rm(path, { recursive: true });
      await symlink(`${path}.moved`, path);
    },
  },
];

for (const { name, inflict } of damages) {
  test(`S7: when ${name} a reader falls back, and without anything else says so`, async () => {
    await using opened = await openStorage();
    const { certificates } = opened.storage;
    const old = await certificates.save(host, certificateFor(host), { issuer: directory });
    const { generation } = await certificates.save(host, certificateFor(host), {
      issuer: directory,
    });
    const folder = join(certificates.folder, host);
    await inflict(join(folder, "000002"));
    assert.equal(generation, 2);
    assert.deepEqual(await readCurrent(certificates.folder, host), { ...old, fellBack: true });
    await rm(join(folder, "000001"), { recursive: true });
    await assert.rejects(readCurrent(certificates.folder, host), { code: "STORAGE_CORRUPT" });
  });
}

const pointers: readonly Damage[] = [
  { name: "missing", inflict: (path) => rm(path) },
  {
    name: "a file",
    inflict: async (path) => {
      await rm(path);
      await writeFile(path, "000002");
    },
  },
  ...["/etc", "..", "000009", "2", "../other.example/000001", "000002/", "./000002"].map(
    (target): Damage => ({
      name: `a link to ${target}`,
      inflict: async (path) => {
        await rm(path);
        await symlink(target, path);
      },
    }),
  ),
];

for (const { name, inflict } of pointers) {
  test(`when \`current\` is ${name} a reader takes the highest generation`, async () => {
    await using opened = await openStorage();
    const { certificates } = opened.storage;
    await certificates.save(host, certificateFor(host), { issuer: directory });
    const latest = await certificates.save(host, certificateFor(host), { issuer: directory });
    await inflict(join(certificates.folder, host, "current"));
    assert.deepEqual(await readCurrent(certificates.folder, host), { ...latest, fellBack: true });
    assert.deepEqual(await certificates.load(host), { ...latest, fellBack: true });
    assert.deepEqual(await certificates.load(host), latest);
  });
}

test("an expired certificate is whole: what it is good for, the caller judges", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const { makeCertificate } = await import("../support/certificates.ts");
  const expired = makeCertificate({ names: [host], notBefore: 0, notAfter: 1_000 });
  await certificates.save(host, expired, { issuer: directory });
  assert.equal((await readCurrent(certificates.folder, host))?.credential.notAfter, 1_000);
});

test("no certificates folder at all means no certificate", async () => {
  await using folder = await temporaryFolder();
  assert.equal(await readCurrent(join(folder.path, "missing"), host), undefined);
});

test("a process that may read only the package and `certificates/` reads a certificate, and no account", async () => {
  await using opened = await openStorage();
  const { accounts, certificates } = opened.storage;
  const saved = await certificates.save(host, certificateFor(host), { issuer: directory });
  const { key } = certificateFor(host);
  await accounts.save({ directory, key, url: undefined, createdAt: 0 });
  const packageFolder = join(import.meta.dirname, "../..");
  const program = `
    import { readCurrent } from ${JSON.stringify(join(packageFolder, "src/storage/read-certificate.ts"))};
    import { readdir } from "node:fs/promises";
    const found = await readCurrent(process.argv[1], ${JSON.stringify(host)});
    const refused = await readdir(process.argv[1] + "/../accounts").catch((error) => error.code);
    console.log(JSON.stringify([found?.generation, found?.credential.serial, refused]));
  `;
  const allowed = [packageFolder, certificates.folder].map((path) => `--allow-fs-read=${path}`);
  const output = execFileSync(
    process.execPath,
    ["--permission", ...allowed, "--input-type=module", "--eval", program, certificates.folder],
    { encoding: "utf8", timeout: 20_000 },
  );
  assert.deepEqual(JSON.parse(output), [1, saved.credential.serial, "ERR_ACCESS_DENIED"]);
});
