import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { doctor } from "../../src/cli/doctor.ts";
import { grave } from "../support/findings.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startNameServer } from "../support/name-server.ts";

test("a variable that only the service may have is told, and all else is looked at", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  await writeFile(
    file,
    `storage: storage
listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }
alerts: { webhook: env:LATCHKEY_TEST_ABSENT }
acme: { dns: { provider: cloudflare, token: env:LATCHKEY_TEST_ABSENT } }
hosts: { a.internal: { to: 3001, auth: { basic: { ops: env:LATCHKEY_TEST_HASH } } } }
`,
  );
  const { code, machine, hosts } = await examined(t, file);
  const told = machine.filter((finding: { code: string }) => finding.code === "config.unset");
  assert.deepEqual(
    told.map(({ severity, saw }: { severity: string; saw: string }) => [severity, saw]),
    [
      [
        "advice",
        "not looked at: alerts.webhook and acme.dns.token, since LATCHKEY_TEST_ABSENT is not set in the environment of this command",
      ],
      [
        "advice",
        'not looked at: hosts["a.internal"].auth.basic.ops, since LATCHKEY_TEST_HASH is not set in the environment of this command',
      ],
    ],
  );
  assert.deepEqual(
    hosts.map((each: { host: string; findings: { code: string }[] }) => [
      each.host,
      each.findings.map((finding) => finding.code),
    ]),
    [["a.internal", ["host.internal", "certificate.none"]]],
  );
  assert.equal(code, 0);
});

test("of a name that is none of ours it is not said which CA it would have", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  const listen = `listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }`;
  await writeFile(file, `storage: storage\n${listen}\nhosts: { a.internal: 3001 }\n`);
  const codes = async (...names: readonly string[]) => {
    const { machine } = await examined(t, file, names);
    return machine.map((finding: { code: string }) => finding.code);
  };
  assert.ok((await codes("a.internal")).includes("public.skipped"));
  assert.ok(!(await codes("nosuch.example")).includes("public.skipped"));
});

test("a wildcard whose proofs have no place in DNS is told before its first attempt", async (t) => {
  await using folder = await temporaryFolder();
  await using dns = await startNameServer(() => ({ answers: [] }));
  const file = join(folder.path, "latchkey.yaml");
  await writeFile(
    file,
    `storage: storage
listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:0"] }
acme:
  resolvers: ["${dns.address}"]
  issuers: [{ directory: "https://127.0.0.1:1/directory" }]
  dns: { provider: exec, command: /bin/true, zones: [acme.example] }
hosts: { "*.shop.example": 3001 }
`,
  );
  const { code, hosts } = await examined(t, file);
  assert.deepEqual(
    hosts.map(({ host, findings }: { host: string; findings: never[] }) => [host, grave(findings)]),
    [["*.shop.example", ["problem dns.no-entry"]]],
  );
  assert.equal(code, 1);
});

async function examined(t: TestContext, config: string, names: readonly string[] = []) {
  let written = "";
  t.mock.method(process.stdout, "write", (text: string) => {
    written += text;
    return true;
  });
  const code = await doctor(names, { config, json: true });
  t.mock.restoreAll();
  return { code, ...JSON.parse(written) };
}
