import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { doctor } from "../../src/cli/doctor.ts";
import { Storage } from "../../src/storage/storage.ts";
import { issuedElsewhere, makeAuthority, makeCertificate } from "../support/certificates.ts";
import { grave } from "../support/findings.ts";
import { temporaryFolder } from "../support/folders.ts";
import { keptLog, named } from "../support/stored.ts";

const inner = makeAuthority({ name: "Inner", parent: makeAuthority() });
const DAY = 86_400_000;
const dates = { notBefore: Date.now() - DAY, notAfter: Date.now() + 60 * DAY };

const certificateOf = (host: string, isAlone: boolean) =>
  makeCertificate({
    ...{ names: [host], extensions: [issuedElsewhere], ...dates },
    issuer: isAlone ? { ...inner, path: "" } : inner,
  });

test("a certificate without the intermediate that it names is told, whether it is stored or given by hand", async (t) => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  const meta = { issuer: "https://ca.example/directory" };
  for (const [host, isAlone] of [
    ["alone.internal", true],
    ["whole.internal", false],
  ] as const)
    await storage.certificates.save(named(host), certificateOf(host, isAlone), meta);
  await storage.close();
  const given = certificateOf("given.internal", true);
  await writeFile(join(folder.path, "given.pem"), given.chain);
  await writeFile(join(folder.path, "given.key"), given.key);
  const file = join(folder.path, "latchkey.yaml");
  await writeFile(
    file,
    `storage: storage
listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }
hosts:
  alone.internal: 3001
  whole.internal: 3001
  given.internal: { to: 3001, certificate: { chain: given.pem, key: given.key } }
`,
  );
  let written = "";
  t.mock.method(process.stdout, "write", (text: string) => {
    written += text;
    return true;
  });
  const code = await doctor([], { config: file, json: true });
  t.mock.restoreAll();
  const { hosts } = JSON.parse(written);
  const seen = hosts.map(({ host, findings }: { host: string; findings: never[] }) => [
    host,
    grave(findings),
  ]);
  assert.deepEqual(Object.fromEntries(seen), {
    "alone.internal": ["advice certificate.cut"],
    "whole.internal": [],
    "given.internal": ["advice certificate.cut"],
  });
  assert.equal(code, 0);
});
