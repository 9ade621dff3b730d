import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "./support/folders.ts";

/** A checkout whose Node is this shell script, started through a link as npm makes one. */
async function checkoutWith(node: string) {
  const folder = await temporaryFolder();
  const bin = join(folder.path, "node_modules/.bin");
  await mkdir(bin, { recursive: true });
  await mkdir(join(folder.path, "src"));
  await cp("src/latchkey.sh", join(folder.path, "src/latchkey.sh"));
  await writeFile(join(bin, "node"), `#!/bin/sh\n${node}\n`);
  await chmod(join(bin, "node"), 0o755);
  await symlink("../../src/latchkey.sh", join(bin, "latchkey"));
  const run = (...args: string[]) => spawnSync(join(bin, "latchkey"), args, { encoding: "utf8" });
  return { folder, run };
}

test("the launcher names the missing library and the command that installs it", async () => {
  const missing =
    "node: error while loading shared libraries: libatomic.so.1: cannot open shared object file";
  const { folder, run } = await checkoutWith(`echo "${missing}" >&2; exit 127`);
  await using _ = folder;
  for (const args of [["run"], ["--check-runtime"]]) {
    const { status, stderr } = run(...args);
    assert.equal(status, 1);
    assert.match(stderr, /libatomic1 is missing.*apt-get install libatomic1/);
  }
});

test("the launcher refuses a Node that cannot read TypeScript, and says what is needed", async () => {
  const { folder, run } = await checkoutWith("echo v20.20.2");
  await using _ = folder;
  for (const command of ["check", "--check-runtime"]) {
    const { status, stderr } = run(command);
    assert.equal(status, 1);
    assert.match(stderr, /Cannot run on Node\.js v20\.20\.2: 26\.5\.1 or newer is needed/);
  }
});

test("the launcher passes every argument on, behind the flags that close the inspector", async () => {
  const { folder, run } = await checkoutWith(
    '[ "$1" = --version ] && echo v26.10.0 && exit; printf "%s\\n" "$@"',
  );
  await using _ = folder;
  const { status, stdout } = run("check", "--config", "a file.yaml");
  assert.equal(status, 0);
  const args = stdout.trimEnd().split("\n");
  assert.ok(args.includes("--disable-sigusr1"));
  assert.deepEqual(args.slice(-4), [
    `${folder.path}/src/main.ts`,
    "check",
    "--config",
    "a file.yaml",
  ]);
});
