import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { readChain } from "../../src/acme/chain.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";

const root = makeAuthority();
const issuer = makeAuthority({ name: "Test intermediate", parent: root });
const { chain, key } = makeCertificate({ names: ["store.shop.example"], issuer });

test("a chain is taken as it is", () => {
  assert.equal(readChain(chain), chain);
  assert.equal(new X509Certificate(readChain(chain)).subject, "CN=store.shop.example");
});

test("a chain with empty lines, Windows lines or no last line end is written in Unix lines", () => {
  assert.equal(readChain(chain.replaceAll("\n", "\r\n")), chain);
  assert.equal(readChain(`\n${chain.replaceAll("-----BEGIN", "\n-----BEGIN")}`.trimEnd()), chain);
});

const refused = [
  { what: "nothing", text: "" },
  { what: "what is not text", text: { chain } },
  { what: "a page of HTML", text: "<html></html>" },
  { what: "a chain with a private key", text: `${chain}${key}` },
  { what: "a private key alone", text: key },
  { what: "a chain with words between", text: `subject=CN = a\n${chain}` },
  { what: "a chain with a line of a script", text: `${chain}$(reboot)\n` },
  { what: "a chain that is cut", text: chain.slice(0, chain.lastIndexOf("-----BEGIN") + 92) },
  { what: "a chain without its last line", text: chain.slice(0, chain.lastIndexOf("-----END")) },
  { what: "a chain that never ends", text: chain.repeat(200) },
];

for (const { what, text } of refused) {
  test(`${what} is no chain`, () => {
    assert.throws(() => readChain(text), { code: "ACME_PROTOCOL" });
  });
}
