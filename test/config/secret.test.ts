import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { describeRoutes } from "../../src/config/describe.ts";
import { formatFault } from "../../src/config/faults.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { withoutSecrets } from "../../src/config/secret.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-secret-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "latchkey.yaml");
writeFileSync(join(folder, "hmac"), "c2VjcmV0\n");
writeFileSync(join(folder, "empty"), "\n");
writeFileSync(join(folder, "large"), "x".repeat(5_000));

const environment = { HMAC: "c2VjcmV0", EMPTY: "" };
const textOf = (hmac: string) =>
  `acme: { issuers: [{ directory: google, eab: { kid: name, hmac: "${hmac}" } }] }\nhosts: { a.example: { to: 3001, issuer: { directory: zerossl, eab: { kid: other, hmac: "${hmac}" } } } }`;

for (const written of ["env:HMAC", "file:hmac", `file:${join(folder, "hmac")}`, "c2VjcmV0"]) {
  test(`${written.startsWith("file:/") ? "file: with a whole path" : written} is the secret it stands for`, () => {
    const [issuer] = configOf(textOf(written), file, environment).acme.issuers;
    assert.equal(issuer?.kind === "acme" && issuer.eab?.hmac, "c2VjcmV0");
  });
}

/** What is written, and what is told about it: never the value. */
const wrong: readonly (readonly [string, RegExp])[] = [
  ["env:ABSENT", /is not set, wanted ABSENT in the environment$/],
  ["env:EMPTY", /is not set, wanted EMPTY in the environment$/],
  ["env:A B", /names no variable of the environment, wanted env:NAME$/],
  ["env:", /names no variable of the environment, wanted env:NAME$/],
  ["file:", /names no file, wanted file:PATH$/],
  ["file:absent", /does not exist, wanted the path of a file/],
  ["file:empty", /names a file with nothing in it, wanted one with the secret$/],
  ["file:large", /names a file that is too large for a secret$/],
  ["not base64!", /is not base64url, wanted the key as the CA's website shows it$/],
];

for (const [written, says] of wrong) {
  test(`${written} for a secret is a fault at each of its places`, () => {
    const faults = faultsOf(textOf(written), file, environment);
    assert.equal(faults.length, 2);
    for (const fault of faults) {
      assert.match(formatFault(fault), says);
      assert.match(fault.path, /eab\.hmac$/);
      assert.ok(!fault.message.includes("not base64!"));
    }
  });
}

test("a command that only looks for its program needs no secret, and sees none", () => {
  const loaded = parseConfig(textOf("env:ABSENT"), { file, files: diskFiles, cores: 1 });
  assert.ok(loaded.ok);
});

test("neither the routing table nor a worker's configuration holds a secret", () => {
  const config = configOf(textOf("env:HMAC"), file, environment);
  assert.ok(JSON.stringify(config).includes("c2VjcmV0"));
  assert.ok(!describeRoutes(config).includes("c2VjcmV0"));
  assert.ok(!JSON.stringify(withoutSecrets(config)).includes("c2VjcmV0"));
  assert.equal(withoutSecrets(config).hosts.length, 1);
});

test("a worker knows that a host is on demand, and not whom to ask, for the URL may hold a secret", () => {
  const ask = "http://127.0.0.1:3000/?token=the-secret";
  const config = configOf(`onDemand: { ask: "${ask}" }\nhosts: { "*.shop.example": 3001 }\n`);
  const [host] = withoutSecrets(config).hosts;
  assert.ok(!JSON.stringify(host).includes("the-secret"));
  assert.ok(host?.certificate.kind === "acme" && host.certificate.onDemand !== undefined);
});
