import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { chmod, chown, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  compileAll,
  compiledCodeOf,
  NODE_FLAGS,
  trustedFolder,
} from "../../src/process/compiled.ts";
import { permissionsOfWorker } from "../../src/process/worker-permissions.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

test("compiled code lies beside the packages, or where whoever starts us wants it", () => {
  const ours = compiledCodeOf({});
  assert.deepEqual(ours, {
    folder: join(process.cwd(), "node_modules/.cache/latchkey"),
    isOurs: true,
  });
  const chosen = compiledCodeOf({ NODE_COMPILE_CACHE: "/var/cache/latchkey" });
  assert.deepEqual(chosen, { folder: "/var/cache/latchkey", isOurs: false });
  const none = compiledCodeOf({ NODE_COMPILE_CACHE: "/x", NODE_DISABLE_COMPILE_CACHE: "1" });
  assert.equal(none, undefined);
});

test("compiled code is trusted only where nobody else may write", async () => {
  await using root = await temporaryFolder();
  const folder = join(root.path, "code");
  const isTrusted = () => trustedFolder({ folder, isOurs: true }) === folder;
  assert.equal(isTrusted(), false, "it is not there");
  await mkdir(join(folder, "v26"), { recursive: true });
  assert.equal(isTrusted(), true, "it is ours");
  for (const path of [folder, join(folder, "v26")]) {
    await chmod(path, 0o770);
    assert.equal(isTrusted(), false, `the group may write to ${path}`);
    await chmod(path, 0o702);
    assert.equal(isTrusted(), false, `everybody may write to ${path}`);
    await chmod(path, 0o755);
    if (process.geteuid?.() === 0) {
      await chown(path, 65_534, 65_534);
      assert.equal(isTrusted(), false, `${path} is another user's`);
      await chown(path, 0, 0);
    }
  }
  await rm(join(folder, "v26"), { recursive: true });
  await symlink(root.path, join(folder, "v26"));
  assert.equal(isTrusted(), false, "a link inside");
  await rm(folder, { recursive: true });
  await writeFile(folder, "");
  assert.equal(isTrusted(), false, "it is a file");
  await rm(folder);
  await symlink(root.path, folder);
  assert.equal(isTrusted(), false, "it is a link");
});

test("nothing is compiled into a folder of somebody else's", async () => {
  await using root = await temporaryFolder();
  await chmod(root.path, 0o777);
  const code = { folder: root.path, isOurs: false };
  await assert.rejects(compileAll(code), /others may write there/);
  assert.deepEqual(await readdir(root.path), []);
});

/** What a worker, with no more than it may have, says of its compiled code while it loads, and of a compiler that it loads. */
function loadWorker(folder: string): string {
  const spy = join(folder, "spy.cjs");
  writeFileSync(spy, `process.on("exit", () => console.error(process.moduleLoadList.join()))`);
  const permissions = permissionsOfWorker(configOf("hosts: { a.test: { respond: ok } }"), folder);
  const { stderr, status } = spawnSync(
    process.execPath,
    [...NODE_FLAGS, ...permissions, "--require", spy, "src/worker.ts", "--load-only"],
    {
      encoding: "utf8",
      env: {
        NODE_COMPILE_CACHE: folder,
        NODE_COMPILE_CACHE_READONLY: "1",
        NODE_DEBUG_NATIVE: "COMPILE_CACHE",
      },
    },
  );
  assert.equal(status, 0, stderr);
  rmSync(spy);
  return stderr;
}

/** What strips types in Node.js: WebAssembly, which takes as much memory as all that is compiled. */
const STRIPPER = /internal\/deps\/amaro/;
const STRIPPED = /retrieving transpile cache for StrippedTypeScript \S+\/src\/\S+\.\.\.success/g;

test("a worker reads everything of ours compiled, writes nothing, and what is broken it compiles itself", async () => {
  await using root = await temporaryFolder();
  const folder = join(root.path, "code");
  assert.equal(await compileAll({ folder, isOurs: true }), true);
  assert.equal(await compileAll({ folder, isOurs: true }), false, "all is compiled");

  const whole = loadWorker(folder);
  assert.doesNotMatch(whole, /no transpile cache/);
  assert.doesNotMatch(whole, STRIPPER, "nothing is left to be stripped of its types");
  const all = [...whole.matchAll(STRIPPED)].length;
  assert.ok(all > 100, `${all} files`);

  const [version = ""] = (await readdir(folder)).filter((name) => name.startsWith("v"));
  const inside = join(folder, version);
  for (const name of await readdir(inside)) await writeFile(join(inside, name), "no code");
  const broken = loadWorker(folder);
  assert.equal([...broken.matchAll(STRIPPED)].length, 0);
  assert.match(broken, STRIPPER);
  assert.match(broken, /read-only, skipping persistence/);

  await rm(inside, { recursive: true });
  loadWorker(folder);
  assert.deepEqual(await readdir(folder), ["latchkey-compiled"], "it made no folder");
});
