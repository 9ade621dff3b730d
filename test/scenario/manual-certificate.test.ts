import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands, visit } from "../support/visitor.ts";

const folder = await temporaryFolder();
const ca = makeAuthority();
const own = makeCertificate({ names: ["own.example"], issuer: ca });
const other = makeCertificate({ names: ["other.example"], issuer: ca });
const files = {
  "own.pem": own.chain,
  "own.key": own.key,
  "mixed.key": other.key,
  "noise.pem": "not a certificate\n",
};
for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text);
const given = (chain: string, key: string) =>
  `certificate: { chain: ${join(folder.path, chain)}, key: ${join(folder.path, key)} }`;

const latchkey = await Latchkey.start({
  config: `
workers: 1
hosts:
  own.example: { respond: own, ${given("own.pem", "own.key")} }
  mixed.example: { respond: no, ${given("own.pem", "mixed.key")} }
  noise.example: { respond: no, ${given("noise.pem", "own.key")} }
  up.localhost: { respond: up }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
await latchkey.event("certificate.swapped");

const { serial } = readCredential(own.chain, own.key);

test("a host with files of its own serves them", async () => {
  const options = { ca: ca.certificate };
  assert.deepEqual(await shakeHands(latchkey, "own.example", options), { serial });
  assert.equal((await visit(latchkey, "own.example", options)).text, "own");
});

for (const host of ["mixed.example", "noise.example"]) {
  test(`files that cannot be used give alert 80, and a line that says why (${host})`, async () => {
    assert.deepEqual(await shakeHands(latchkey, host), { alert: 80 });
    const line = await latchkey.event("connection.refused", (refused) => refused["host"] === host);
    assert.equal(line["code"], "CERTIFICATE_UNAVAILABLE");
    assert.match(String(line["reason"]), /Cannot use/);
  });
}

test("the other hosts are served, and nothing is ordered for these", async () => {
  assert.equal((await visit(latchkey, "up.localhost")).text, "up");
  assert.equal(latchkey.count("order.started"), 1);
});

test("they are listed as manual, or as failed with what is wrong with their files", async () => {
  const rows = (await latchkey.status()).hosts.filter(({ host }) => host.endsWith(".example"));
  assert.deepEqual(
    rows.map((row) => [row.host, row.state, row.serial, row.lastError?.type ?? null]),
    [
      ["own.example", "manual", serial, null],
      ["mixed.example", "failed", null, "CERTIFICATE_INVALID"],
      ["noise.example", "failed", null, "CERTIFICATE_INVALID"],
    ],
  );
});
