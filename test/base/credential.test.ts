import assert from "node:assert/strict";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { readCredential } from "../../src/base/credential.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";

const issuer = makeAuthority({ name: "Test intermediate", parent: makeAuthority() });
const { chain, key } = makeCertificate({ names: ["store.shop.example"], issuer });
const secondAt = chain.lastIndexOf("-----BEGIN");

/** What OpenSSL makes of it in a worker. */
function isServed(text: string): boolean {
  try {
    createSecureContext({ cert: text, key });
    return true;
  } catch {
    return false;
  }
}

function isTaken(text: string): boolean {
  try {
    readCredential(text, key);
    return true;
  } catch {
    return false;
  }
}

for (const [what, text] of [
  ["cut in its second certificate", chain.slice(0, secondAt + 200)],
  ["cut in the last line", chain.trimEnd().slice(0, -1)],
  ["two certificates in one line", chain.replace("-----\n-----", "----------")],
  ["indented certificates", chain.replace(/^/gm, "  ")],
  ["another label at the end", chain.replace(/CERTIFICATE-----\n$/, "CERTIFICATF-----\n")],
  [
    "a certificate that begins in the middle of another",
    `${chain.slice(0, secondAt - 100)}${chain}`,
  ],
] as const) {
  test(`a chain with ${what} is no certificate, as OpenSSL says`, () => {
    assert.equal(isServed(text), false);
    assert.throws(() => readCredential(text, key), {
      code: "CERTIFICATE_INVALID",
      message: /PEM block that is cut, or does not begin in a line of its own/,
    });
  });
}

for (const [what, text] of [
  ["Windows lines", chain.replaceAll("\n", "\r\n")],
  ["no last line end", chain.trimEnd()],
  ["words before each certificate", chain.replaceAll("-----BEGIN", "subject=CN = a\n-----BEGIN")],
  ["blanks at the ends of its lines", chain.replaceAll("\n", " \n")],
  ["a byte order mark", `\ufeff${chain}`],
] as const) {
  test(`a chain with ${what} is one, as OpenSSL says`, () => {
    assert.equal(isServed(text), true);
    assert.equal(readCredential(text, key).names[0], "store.shop.example");
  });
}

test("a chain that is cut anywhere, or has a flipped bit, is taken only if OpenSSL takes it", () => {
  const cut = Array.from(chain, (_, end) => chain.slice(0, end));
  const flipped = Array.from(chain, (letter, at) => {
    const other = String.fromCharCode(letter.charCodeAt(0) ^ (1 << (at % 7)));
    return `${chain.slice(0, at)}${other}${chain.slice(at + 1)}`;
  });
  for (const text of [...cut, ...flipped]) assert.ok(!isTaken(text) || isServed(text), text);
});
