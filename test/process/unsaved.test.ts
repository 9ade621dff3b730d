import assert from "node:assert/strict";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { UnsavedCertificates } from "../../src/process/unsaved.ts";
import { named } from "../support/stored.ts";

const news = (name: string, chain: string | undefined) => {
  const host = named(name);
  const certificate = chain === undefined ? undefined : { host, issuer: "", chain, key: "" };
  return { type: "unsaved.news", host, certificate } as const;
};

test("of each name the last certificate that could not be saved is kept, until it is let go of", () => {
  const unsaved = new UnsavedCertificates();
  for (const [name, chain] of [
    ["a.example", "1"],
    ["b.example", "2"],
    ["a.example", "3"],
  ] as const)
    unsaved.hear(news(name, chain));
  assert.deepEqual(unsaved.all.map(({ host, chain }) => `${host} ${chain}`).sort(), [
    "a.example 3",
    "b.example 2",
  ]);
  unsaved.hear(news("a.example", undefined));
  unsaved.hear(news("never.example", undefined));
  assert.deepEqual(
    unsaved.all.map(({ host }) => host),
    ["b.example"],
  );
});

test("no more names are kept than there is room for", () => {
  const unsaved = new UnsavedCertificates();
  for (let index = 0; index <= limits.unsavedKeptMax; index += 1)
    unsaved.hear(news(`name-${index}.example`, "1"));
  assert.equal(unsaved.all.length, limits.unsavedKeptMax);
});
