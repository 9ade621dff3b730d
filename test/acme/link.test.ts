import assert from "node:assert/strict";
import { test } from "node:test";
import { linksIn } from "../../src/acme/link.ts";

/** A `Link` field, and the alternates in it. */
const fields = [
  ["no field", undefined, []],
  ["an empty one", "", []],
  ["one link", '<https://ca.test/1>;rel="alternate"', ["https://ca.test/1"]],
  ["no quotes", "<https://ca.test/1>; rel=alternate", ["https://ca.test/1"]],
  ["another spelling", '<https://ca.test/1> ; REL = "Alternate"', ["https://ca.test/1"]],
  ["a relative target", '</cert/1/alternate>;rel="alternate"', ["/cert/1/alternate"]],
  ["several relations of one link", '</1>;rel="up alternate"', ["/1"]],
  [
    "other relations between",
    '</d>;rel="index", </1>;rel="alternate", </2>;rel=alternate',
    ["/1", "/2"],
  ],
  ["commas in a target and in a title", '</1,2>;title="a, b; rel=x";rel="alternate"', ["/1,2"]],
  ["a quote in a title", '</1>; title="a \\" b"; rel="alternate"', ["/1"]],
  ["a flag before", "</1>;crossorigin;rel=alternate", ["/1"]],
  ["a longer relation", '</1>;rel="alternates"', []],
  ["a relation in a target", "<rel=alternate>", []],
  ["brackets that do not close", '<https://ca.test/1;rel="alternate"', []],
] as const;

for (const [what, field, expected] of fields) {
  test(`alternates in a Link field with ${what}: ${expected.length}`, () => {
    assert.deepEqual(linksIn(field, "alternate"), expected);
  });
}

test("a Link field of 16 KiB takes no time, whatever it holds", () => {
  const started = performance.now();
  for (const part of ["<", "<a>;", "<a> ;", '<a>;b="', "<a>; \t"]) {
    linksIn(part.repeat(16_384 / part.length), "alternate");
    linksIn(`<a>;b${" ".repeat(16_384)}`, "alternate");
  }
  assert.ok(performance.now() - started < 1_000);
});
