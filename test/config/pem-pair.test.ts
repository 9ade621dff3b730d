import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificates.ts";
import { configOf, faultsOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";

const own = makeCertificate({ names: ["latchkey"], purpose: "client" });
const other = makeCertificate({ names: ["latchkey"], purpose: "client" });

/** A file with these two beside it, and what is said about them. */
function written(folder: string, chain: string, key: string) {
  writeFileSync(join(folder, "us.pem"), chain);
  writeFileSync(join(folder, "us.key"), key);
  const text =
    "hosts: { a.example: { to: https://b, backend: { certificate: { chain: us.pem, key: us.key } } } }";
  return { text, file: join(folder, "latchkey.yaml") };
}

test("a certificate for backends is read with its key", async () => {
  await using folder = await temporaryFolder();
  const { text, file } = written(folder.path, own.chain, own.key);
  const [host] = configOf(text, file).hosts;
  assert.ok(host?.action.kind === "forward");
  const [path] = host.action.paths;
  const backend = path?.answer === undefined ? path?.backends[0] : undefined;
  assert.ok(backend?.kind === "https");
  assert.deepEqual(backend.certificate, { chain: own.chain, key: own.key });
});

for (const [name, chain, key, says] of [
  ["whose key is another's", own.chain, other.key, /key: is not the key of `chain`/],
  ["whose key is none", own.chain, "hello", /key: holds no key that can be decoded/],
  ["that is none", "hello", own.key, /chain: holds no certificate that can be decoded/],
] as const) {
  test(`a certificate for backends ${name} is a fault`, async () => {
    await using folder = await temporaryFolder();
    const { text, file } = written(folder.path, chain, key);
    const told = faultsOf(text, file).map(({ path, message }) => `${path}: ${message}`);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", says);
  });
}
