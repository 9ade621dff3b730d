import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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

test("a variable that is not set hides nothing else, and is said to be perhaps the service's", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  const text = (access: string) =>
    `log: { access: ${access} }\nalerts: { webhook: env:LATCHKEY_TEST_ABSENT }\nhosts: { a.internal: 3001 }\n`;
  let written = "";
  t.mock.method(process.stderr, "write", (line: string) => {
    written += line;
    return true;
  });
  const pathsOf = async (access: string) => {
    await writeFile(file, text(access));
    written = "";
    const error: unknown = await check(file).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof FaultyConfig);
    return error.faults.map(({ path }) => path);
  };
  assert.deepEqual(await pathsOf("off"), ["alerts.webhook"]);
  const fault = `${file}:2:20: alerts.webhook: is not set, wanted LATCHKEY_TEST_ABSENT in the environment\n`;
  const hint =
    "latchkey: not set in the environment of this command: LATCHKEY_TEST_ABSENT. A service may have it from its EnvironmentFile, which a shell does not read: check with systemd-run -P -p EnvironmentFile=PATH, or set it here";
  assert.equal(written, `${fault}${hint}; all else is right\n`);
  assert.deepEqual(await pathsOf("nowhere/access.log"), ["log.access", "alerts.webhook"]);
  assert.ok(written.endsWith(`${hint}\n`), written);
});

test("an admin socket whose folder is not there is a fault, at its place", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  await writeFile(file, "listen: { admin: unix:/none/x.sock }\nhosts: { a.localhost: 3001 }\n");
  t.mock.method(process.stderr, "write", () => true);
  await assert.rejects(check(file), (error) => {
    assert.ok(error instanceof FaultyConfig);
    assert.deepEqual(
      error.faults.map(({ path, message }) => `${path}: ${message}`),
      [
        "listen.admin: cannot be opened as /none/x.sock: there is no folder /none, wanted a folder that this user may write into",
      ],
    );
    return true;
  });
});

test("a pipe in the place of a certificate is a fault, and is not waited for", async (t) => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  const pipe = join(folder.path, "own.pem");
  execFileSync("mkfifo", [pipe]);
  await writeFile(join(folder.path, "own.key"), makeCertificate({ names: ["a.localhost"] }).key);
  await writeFile(
    file,
    "hosts:\n  a.localhost: { to: 3001, certificate: { chain: own.pem, key: own.key } }\n",
  );
  t.mock.method(process.stderr, "write", () => true);
  await assert.rejects(check(file), (error) => {
    assert.ok(error instanceof FaultyConfig);
    assert.deepEqual(
      error.faults.map(({ path, message }) => `${path}: ${message}`),
      ['hosts["a.localhost"].certificate.chain: is not a file, wanted the path of one'],
    );
    return true;
  });
});
