import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { fillStorage } from "../support/filled-storage.ts";
import { temporaryFolder } from "../support/folders.ts";
import { without } from "../support/programs.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
const storage = join(folder.path, "storage");
await fillStorage(storage, ["a.internal", "b.internal"]);
const config = join(folder.path, "latchkey.yaml");
await writeFile(
  config,
  `storage: storage
listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }
hosts: { a.internal: { respond: ok }, b.internal: { respond: ok } }
`,
);
const secret = join(folder.path, "secret");
await writeFile(secret, "open sesame");
const file = join(folder.path, "latchkey.backup");
const skip = without("script");

/** What stands on the terminal that is its standard error; standard output is a pipe to nowhere. */
async function onTerminal(command: string): Promise<string> {
  const line = `exec sh src/latchkey.sh ${command} --config ${config} >/dev/null`;
  const { code, stdout } = await runProgram("script", ["-qec", line, "/dev/null"]);
  assert.equal(code, 0, stdout);
  return stdout.replaceAll("\r", "");
}

/** What stands on standard error when it is a pipe. */
async function piped(command: string): Promise<string> {
  const args = ["src/latchkey.sh", ...command.split(" "), "--config", config];
  const { code, stderr } = await runProgram("sh", args);
  assert.equal(code, 0, stderr);
  return stderr;
}

test("doctor tells a person who waits of each host when it has looked at it, and a pipe of nothing", {
  skip,
}, async () => {
  const seen = await onTerminal("doctor");
  assert.match(seen, /^[ab]\.internal: nothing is wrong \(1 of 2\)$/m);
  assert.match(seen, /^[ab]\.internal: nothing is wrong \(2 of 2\)$/m);
  assert.equal(await piped("doctor"), "");
});

test("backup and restore tell a person who waits of each folder, and a pipe of nothing", {
  skip,
}, async () => {
  const backup = `backup ${file} --passphrase file:${secret}`;
  const restore = `restore ${file} --passphrase file:${secret}`;
  const certificates = /^certificates: 8 files$/m;
  const saved = await onTerminal(backup);
  assert.match(saved, certificates);
  assert.match(saved, /^reading it back$/m);
  assert.equal(await piped(backup), "");
  await rm(storage, { recursive: true });
  assert.match(await onTerminal(restore), certificates);
  await rm(storage, { recursive: true });
  assert.equal(await piped(restore), "");
});
