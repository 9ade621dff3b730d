import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NODE_FLAGS } from "../src/process/compiled.ts";
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
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const run = (...args: string[]) =>
    spawnSync(join(bin, "latchkey"), args, { encoding: "utf8", env });
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

test("SIGHUP ends no launcher of a program that it reloads, and every other", async () => {
  const { folder, run } = await checkoutWith(
    '[ "$1" = --version ] && echo v26.12.1 || grep SigIgn /proc/$$/status',
  );
  await using _ = folder;
  const HANGUP = 1n; // signal 1 is bit 0
  const isIgnored = (command: string) =>
    (BigInt(`0x${run(command).stdout.split(/\s+/)[1]}`) & HANGUP) === HANGUP;
  assert.deepEqual(["run", "demo", "check"].map(isIgnored), [true, true, false]);
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

const SHOWS_CODE =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's
  '[ "$1" = --version ] && echo v26.10.0 && exit; printf "%s" "${NODE_DISABLE_COMPILE_CACHE:-${NODE_COMPILE_CACHE:-none}}"';

test("the launcher runs compiled code only from folders that nobody else may write to", async () => {
  const { folder, run } = await checkoutWith(SHOWS_CODE);
  await using _ = folder;
  const code = join(folder.path, "node_modules/.cache/latchkey");
  const answer = () => run("check").stdout;
  assert.equal(answer(), "none", "no folder");
  await mkdir(join(code, "v26"), { recursive: true, mode: 0o755 });
  assert.equal(answer(), code, "a folder of ours");
  for (const path of [code, join(code, "v26")]) {
    for (const mode of [0o775, 0o757]) {
      await chmod(path, mode);
      assert.equal(answer(), "1", `${path} with mode ${mode.toString(8)}`);
    }
    await chmod(path, 0o755);
  }
  await rm(code, { recursive: true });
  await mkdir(join(folder.path, "elsewhere"));
  await symlink(join(folder.path, "elsewhere"), code);
  assert.equal(answer(), "1", "a link");
  await rm(code);
  await writeFile(code, "");
  assert.equal(answer(), "1", "a file");
});

test("the launcher runs no compiled code of another user", {
  skip: process.geteuid?.() !== 0 && "only root can give files away",
}, async () => {
  const { folder, run } = await checkoutWith(SHOWS_CODE);
  await using _ = folder;
  const code = join(folder.path, "node_modules/.cache/latchkey");
  await mkdir(join(code, "v26"), { recursive: true });
  await chown(join(code, "v26"), 65_534, 65_534);
  assert.equal(run("check").stdout, "1");
  await chown(code, 65_534, 65_534);
  assert.equal(run("check").stdout, "1");
});

test("the launcher has malloc keep one heap, unless whoever starts it wants more", async () => {
  const { folder, run } = await checkoutWith(
    '[ "$1" = --version ] && echo v26.10.0 && exit; echo "$MALLOC_ARENA_MAX"',
  );
  await using _ = folder;
  assert.equal(run("run").stdout, "1\n");
  const launcher = join(folder.path, "src/latchkey.sh");
  const env = { ...process.env, MALLOC_ARENA_MAX: "4" };
  assert.equal(spawnSync("sh", [launcher, "run"], { encoding: "utf8", env }).stdout, "4\n");
});

test("the launcher starts Node with the flags that code is compiled for", async () => {
  const launcher = await readFile("src/latchkey.sh", "utf8");
  assert.ok(launcher.includes(`exec "$node" ${NODE_FLAGS.join(" ")} `));
});
