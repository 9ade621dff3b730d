import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { isPasswordOf, parsePasswordHash } from "../../src/base/password-hash.ts";
import { without } from "../support/programs.ts";

const COMMAND = "exec sh src/latchkey.sh hash-password";

test("hash-password prints the hash of the first line of standard input, and nothing else", async () => {
  const { code, stdout } = await hash("Zoë's\nnot this\n");
  assert.equal(code, 0);
  assert.match(stdout, /^\$scrypt\$[^\n]+\n$/);
  await assertHashOf(stdout.trim(), "Zoë's");
});

/** Standard input, and what is said of it. */
const unusable: readonly (readonly [string, string])[] = [
  ["", "it is empty"],
  ["a\tb\n", "it holds a control character, which no client may send (RFC 7617 §2)"],
];

for (const [input, why] of unusable) {
  test(`hash-password refuses ${JSON.stringify(input)}: ${why}`, async () => {
    const { code, stdout, stderr } = await hash(input);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, `latchkey: Cannot use the password: ${why}\n`);
  });
}

test("on a terminal hash-password asks twice and shows nothing of what is typed", {
  skip: without("script"),
}, async () => {
  const child = spawn("script", ["-qec", COMMAND, "/dev/null"]);
  let seen = "";
  for await (const piece of child.stdout.setEncoding("utf8")) {
    seen += piece;
    if (/(?:Password|again): $/.test(seen)) child.stdin.write("s3cret\n");
  }
  assert.doesNotMatch(seen, /s3cret/);
  assert.match(seen, /^Password: \s+The same again: \s+\$scrypt\$/);
  await assertHashOf(seen.trim().split(/\s+/).at(-1) ?? "", "s3cret");
});

async function hash(input: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn("sh", ["-c", COMMAND]);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { code, stdout, stderr };
}

async function assertHashOf(written: string, password: string): Promise<void> {
  const parsed = parsePasswordHash(written);
  assert.ok(parsed.kind === "hash");
  assert.equal(await isPasswordOf(parsed, password), true);
}
