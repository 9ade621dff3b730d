import assert from "node:assert/strict";
import { test } from "node:test";
import { isPermitted, suffixesWith } from "../../src/authority/suffixes.ts";
import { parsePlain } from "../../src/base/hostname.ts";

const OWN = ["home.arpa", "internal", "localhost", "test"];
const permits = [
  { permit: [], suffixes: OWN },
  { permit: ["lan"], suffixes: ["home.arpa", "internal", "lan", "localhost", "test"] },
  { permit: ["test", "LOCALHOST", "deep.internal"], suffixes: OWN },
  { permit: ["b.example", "a.b.example"], suffixes: ["b.example", ...OWN] },
  { permit: ["2001:DB8:0::7", "127.0.0.1"], suffixes: ["127.0.0.1", "2001:db8::7", ...OWN] },
  { permit: ["arpa"], suffixes: ["arpa", "internal", "localhost", "test"] },
];

for (const { permit, suffixes } of permits) {
  test(`permit [${permit}] comes to ${suffixes.join(", ")}`, () => {
    assert.deepEqual(suffixesWith(permit), suffixes);
  });
}

for (const text of ["", "*.lan", ".lan", "a b", "10.0.0.0/8", "fe80::1%lo"]) {
  test(`"${text}" cannot be permitted`, () => {
    assert.throws(() => suffixesWith([text]), TypeError);
  });
}

const names = [
  { name: "localhost", permitted: true },
  { name: "store.localhost", permitted: true },
  { name: "a.b.home.arpa", permitted: true },
  { name: "notlocalhost", permitted: false },
  { name: "localhost.example", permitted: false },
  { name: "arpa", permitted: false },
];

for (const { name, permitted } of names) {
  test(`${name} is ${permitted ? "permitted" : "not permitted"}`, () => {
    assert.equal(isPermitted(parsePlain(name)!, suffixesWith([])), permitted);
  });
}
