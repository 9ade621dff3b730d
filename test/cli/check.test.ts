import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { check } from "../../src/cli/check.ts";
import { FaultyConfig } from "../../src/config/faults.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";

test("a fault of the file hides none of the certificates that it names, and none is told twice", async (t) => {
  await using folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const { chain, key } = makeCertificate({ names: ["other.example"] });
  await writeFile(at("own.pem"), chain);
  await writeFile(at("own.key"), key);
  await writeFile(
    at("latchkey.yaml"),
    `colour: red
hosts:
  a.example: { to: 3001, certificate: { chain: own.pem, key: own.key } }
  b.example: { to: 3001, issuer: internal }
  c.example: { to: 3001, certificate: { chain: none.pem, key: own.key } }
`,
  );
  t.mock.method(process.stderr, "write", () => true);
  await assert.rejects(check(at("latchkey.yaml")), (error) => {
    assert.ok(error instanceof FaultyConfig);
    assert.deepEqual(
      error.faults.map(({ path }) => path),
      [
        "colour",
        'hosts["a.example"].certificate.chain',
        'hosts["b.example"]',
        'hosts["c.example"].certificate.chain',
      ],
    );
    return true;
  });
});
