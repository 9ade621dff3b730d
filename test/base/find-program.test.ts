import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { whyNotStarted } from "../../src/base/find-program.ts";
import { temporaryFolder } from "../support/folders.ts";

test("a program is found by its path and on the PATH, and what is none is told apart", async () => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await writeFile(at("program"), "#!/bin/sh\n");
  await chmod(at("program"), 0o700);
  await writeFile(at("letter"), "Dear program");
  await mkdir(at("folder"));
  const table: readonly (readonly [program: string, why: string | undefined])[] = [
    ["sh", undefined],
    ["/bin/sh", undefined],
    [at("program"), undefined],
    [at("letter"), "it may not be executed"],
    [at("folder"), "it may not be executed"],
    [at("letter/x"), "there is no such program"],
    [at("nothing"), "there is no such program"],
    ["latchkey-no-such-program", "there is no such program"],
  ];
  for (const [program, why] of table) assert.equal(await whyNotStarted(program), why, program);
});
