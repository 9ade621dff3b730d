import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainPath, prefixEnd, readUriPath } from "../../src/base/uri-path.ts";
import { pathReadings } from "./uri-path-vectors.ts";

for (const [target, strictly, loosely] of pathReadings) {
  test(`the path of ${target} reads ${strictly}${loosely === undefined ? "" : ` or ${loosely}`}`, () => {
    const reading = readUriPath(target);
    if (strictly === "as it stands") assert.equal(reading, undefined);
    else if (strictly === "ambiguous") assert.deepEqual(reading, { kind: "ambiguous" });
    else assert.deepEqual(reading, { kind: "path", strictly, loosely });
  });
}

const plain: readonly (readonly [text: string, isPlain: boolean])[] = [
  ["/", true],
  ["/v2/", true],
  ["/.well-known/", true],
  ["/@me/", true],
  ["/a%20b/", true],
  ["/caf%C3%A9/", true],
  ["/100%25/", true],
  ["/caf%c3%a9/", false],
  ["/%61/", false],
  ["//", false],
  ["/a;b/", false],
  ["/a%2Fb/", false],
  ["/a%5Cb/", false],
  ["/a%3Bb/", false],
  ["/../", false],
  ["/a%2E%2E/", false],
];

for (const [text, isPlain] of plain) {
  test(`${text} ${isPlain ? "can" : "cannot"} be a prefix`, () => {
    assert.equal(isPlainPath(text), isPlain);
  });
}

const ends: readonly (readonly [target: string, prefix: string, end: number | undefined])[] = [
  ["/v2/x", "/v2/", 4],
  ["/v2", "/v2/", undefined],
  ["/%762/x", "/v2/", 6],
  ["/%76%32%2fx", "/v2/", undefined],
  ["/caf%c3%a9/x", "/caf%C3%A9/", 11],
  ["/a?x", "/a", 2],
];

for (const [target, prefix, end] of ends) {
  test(`in ${target} the prefix ${prefix} ends ${end === undefined ? "nowhere" : `at ${end}`}`, () => {
    assert.equal(prefixEnd(target, prefix), end);
  });
}
