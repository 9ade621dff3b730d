import assert from "node:assert/strict";
import { test } from "node:test";
import type { Coding } from "../../src/config/compress.ts";
import { negotiate } from "../../src/http/accept-encoding.ts";

/** The joined value of Accept-Encoding, and what is chosen of zstd, br, gzip. */
const rows: readonly (readonly [string | undefined, Coding | undefined])[] = [
  [undefined, undefined],
  ["", undefined],
  [" , ,, ", undefined],
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["x-gzip;q=1, gzip;q=0", undefined],
  ["gzip, deflate, br, zstd", "zstd"], // Chromium
  ["gzip, deflate, br", "br"],
  ["deflate, gzip", "gzip"],
  ["deflate", undefined],
  ["compress, gzip", "gzip"],
  ["compress;q=0.5, gzip;q=1.0", "gzip"],
  ["gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"], // RFC 9110 §12.5.3
  ["gzip;q=0.5, br;q=0.4", "gzip"],
  ["gzip;q=0.001", "gzip"],
  ["gzip;q=0", undefined],
  ["gzip;q=0.0", undefined],
  ["gzip;q=0.000", undefined],
  ["gzip; Q=0", undefined],
  ["gzip\t;\tq=0.5", "gzip"],
  ["*", "zstd"],
  ["*;q=0", undefined],
  ["*;q=0.1", "zstd"],
  ["*, zstd;q=0", "br"],
  ["zstd;q=0, br;q=0, *", "gzip"],
  ["*;q=0.5, gzip;q=0.8", "gzip"],
  ["identity", undefined],
  ["identity, gzip", "gzip"],
  ["identity;q=1, gzip;q=0.5", undefined],
  ["identity;q=0.5, gzip;q=0.4", undefined],
  ["identity;q=0", undefined], // nothing that we have is taken: plain all the same
  ["identity;q=0, gzip", "gzip"],
  ["identity;q=0, *;q=0", undefined],
  ["identity;q=0, *", "zstd"],
  ["gzip;q=0.5, gzip;q=0", undefined], // the last one stands
  ["gzip,,br", "br"],
  // Malformed: the client is not understood, and gets what every client understands.
  ["gzip;q=1.001", undefined],
  ["gzip;q=2", undefined],
  ["gzip;q=-1", undefined],
  ["gzip;q=0.1234", undefined],
  ["gzip;q=.5", undefined],
  ["gzip;q=", undefined],
  ["gzip;q", undefined],
  ["gzip;q=0,5", undefined],
  ["gzip;level=9", undefined],
  ["gzip;q=1;q=0", undefined],
  ["gzip br", undefined],
  ['"gzip"', undefined],
  ["gzip;q=\u00e9", undefined],
  ["br/zstd", undefined],
];

for (const [value, coding] of rows) {
  test(`Accept-Encoding ${JSON.stringify(value)} gets ${coding ?? "the plain content"}`, () => {
    assert.equal(negotiate(value, ["zstd", "br", "gzip"]), coding);
  });
}

test("of what a client likes alike, the first of ours is chosen; what we do not do is not", () => {
  assert.equal(negotiate("gzip, br, zstd", ["gzip", "br"]), "gzip");
  assert.equal(negotiate("*", ["br"]), "br");
  assert.equal(negotiate("*", []), undefined);
});
