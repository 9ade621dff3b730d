import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { GivenFiles } from "../../src/cli/given-files.ts";
import { makeCertificate } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

const DAY = 86_400_000;
const own = makeCertificate({ names: ["own.example"] });
const other = makeCertificate({ names: ["other.example"] });
const expired = makeCertificate({ names: ["own.example"], notAfter: Date.now() - DAY });
const early = makeCertificate({ names: ["own.example"], notBefore: Date.now() + DAY });
const mixed = { chain: own.chain, key: other.key };
const noise = { chain: "noise", key: "noise" };

type Files = typeof own;
const next: readonly [before: string, was: Files, after: string, is: Files, outcome: string][] = [
  ["a right one", own, "a right one", own, "followed"],
  ["a right one", own, "broken files", noise, "rejected"],
  ["a right one", own, "a key of another", mixed, "rejected"],
  ["a right one", own, "one for another host", other, "rejected"],
  ["a right one", own, "an expired one", expired, "followed"],
  ["a right one", own, "one that is not valid yet", early, "followed"],
  ["an expired one", expired, "broken files", noise, "rejected"],
  ["one for another host", other, "broken files", noise, "followed, and told"],
  ["one for another host", other, "the same", other, "followed, and told"],
  ["broken files", noise, "one for another host", other, "followed, and told"],
  ["broken files", noise, "a right one", own, "followed"],
];

for (const [before, was, after, is, outcome] of next) {
  test(`a reload that finds ${after} in the place of ${before} is ${outcome}`, async () => {
    await using folder = await temporaryFolder();
    const write = ({ chain, key }: Files) => {
      writeFileSync(join(folder.path, "own.pem"), chain);
      writeFileSync(join(folder.path, "own.key"), key);
    };
    write(was);
    const text = `hosts: { own.example: { respond: a, certificate: { chain: own.pem, key: own.key } } }`;
    const config = configOf(text, join(folder.path, "latchkey.yaml"));
    const given = new GivenFiles();
    await given.begin(config);
    write(is);
    if (outcome === "rejected") {
      await assert.rejects(given.follow(config), { code: "CERTIFICATE_INVALID" });
      write(was);
      assert.deepEqual(await given.follow(config), []);
      return;
    }
    const told = await given.follow(config);
    const wrong = told.filter((line) => line.startsWith("! "));
    assert.equal(wrong.length, outcome === "followed" ? 0 : 1);
    for (const line of wrong) assert.match(line, /^! own\.example {2}/);
    const isOther = was.chain !== is.chain && is !== noise;
    assert.equal(told.length - wrong.length, isOther ? 1 : 0);
    assert.deepEqual(await given.follow(config), wrong);
  });
}

test("a reload that finds another certificate tells which, in one line for all hosts of the same files", async () => {
  await using folder = await temporaryFolder();
  const write = (name: string, { chain, key }: Files) => {
    writeFileSync(join(folder.path, `${name}.pem`), chain);
    writeFileSync(join(folder.path, `${name}.key`), key);
  };
  const names = ["*.own.example"];
  const hosts = ["a", "b", "c", "d", "e", "f", "g"].map((label) => `${label}.own.example`);
  const files = (name: string) =>
    `{ respond: a, certificate: { chain: ${name}.pem, key: ${name}.key } }`;
  const text = `hosts:\n  ${hosts.join(", ")}: ${files("shared")}\n  own.example: ${files("own")}\n`;
  write("shared", makeCertificate({ names }));
  write("own", own);
  const config = configOf(text, join(folder.path, "latchkey.yaml"));
  const given = new GivenFiles();
  await given.begin(config);
  const notAfter = Date.parse("2046-01-02T03:04:05Z");
  const next = makeCertificate({ names, notAfter });
  write("shared", next);
  const { serial } = readCredential(next.chain, next.key);
  assert.deepEqual(await given.follow(config), [
    `~ ${hosts.slice(0, 5).join(", ")} and 2 more  certificate given by hand: now ${serial}, until 2046-01-02T03:04:05.000Z`,
  ]);
  assert.deepEqual(await given.follow(config), []);
});
