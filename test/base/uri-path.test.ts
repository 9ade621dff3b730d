import assert from "node:assert/strict";
import { test } from "node:test";
import { isPlainPath, prefixEnd, readUriPath } from "../../src/base/uri-path.ts";

/** A target, and how it is read: as it stands, strictly and loosely, or not at all. */
const readings: readonly (readonly [target: string, strictly: string, loosely?: string])[] = [
  ["/", "as it stands"],
  ["/a/b.html?x=/../%2f;//", "as it stands"],
  ["*", "as it stands"],
  ["/.well-known/x", "/.well-known/x", "/.well-known/x"],
  ["/a/...", "/a/...", "/a/..."],
  ["/%61dmin/", "/admin/", "/admin/"],
  ["/%41%2D%7e/", "/A-~/", "/A-~/"],
  ["/%40me?x=%61", "/@me", "/@me"],
  ["/caf%c3%a9", "/caf%C3%A9", "/caf%C3%A9"],
  ["/100%25", "/100%25", "/100%25"],
  ["/%2561", "/%2561", "/%2561"],
  ["//admin/", "//admin/", "/admin/"],
  ["/a///b", "/a///b", "/a/b"],
  ["/a%2Fb", "/a%2Fb", "/a/b"],
  ["/a%2f%2fb", "/a%2F%2Fb", "/a/b"],
  ["/a%5cb", "/a%5Cb", "/a/b"],
  ["/a\\b", "/a\\b", "/a/b"],
  ["/admin;x=1/y", "/admin;x=1/y", "/admin/y"],
  ["/admin%3Bx/y", "/admin%3Bx/y", "/admin/y"],
  ["/a/../b", "ambiguous"],
  ["/..", "ambiguous"],
  ["/a/./b", "ambiguous"],
  ["/a/.", "ambiguous"],
  ["/a/%2e%2E/b", "ambiguous"],
  ["/a/.%2e", "ambiguous"],
  ["/a/..;/b", "ambiguous"],
  ["/a/..;x=1", "ambiguous"],
  ["/a/..%3bx/b", "ambiguous"],
  ["/a%2f..%2fb", "ambiguous"],
  ["/a/..%5cb", "ambiguous"],
  ["/a/..\\b", "ambiguous"],
  ["/a%5c..", "ambiguous"],
  ["/a%00/b", "ambiguous"],
  ["/a%zz", "ambiguous"],
  ["/a%", "ambiguous"],
  ["/a%4", "ambiguous"],
  ["/%c0%ae%c0%ae/", "ambiguous"],
  ["/a%C1%9cb", "ambiguous"],
];

for (const [target, strictly, loosely] of readings) {
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
