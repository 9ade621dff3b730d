import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { serialOf } from "../../src/base/credential.ts";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands, visitPlainly } from "../support/visitor.ts";

const folder = await temporaryFolder();
const out = join(folder.path, "out");
const script = join(folder.path, "reload-mail");
await writeFile(
  script,
  `#!/bin/sh\ncp "$2/chain.pem" ${out} && echo "$1 $LATCHKEY_HOST"  >> ${out}\n`,
);
await chmod(script, 0o700);
const latchkey = await Latchkey.start({
  config: `
workers: 2
acme: { issue: first-visit }
hosts:
  mail.localhost: { certificateOnly: true, onCertificate: [${script}] }
  broken.localhost: { respond: ok, onCertificate: [/nowhere/reload] }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

test("a certificateOnly host is certified unasked, and its command finds the certificate in the folder", async () => {
  const done = await latchkey.event("command.done");
  assert.equal(done["host"], "mail.localhost");
  const text = await readFile(out, "utf8");
  assert.equal(serialOf(new X509Certificate(text)), done["serial"]);
  assert.ok(text.endsWith("\nmail.localhost mail.localhost\n"), text);
});

test("nothing is served under its name: alert 112, and 404 on port 80", async () => {
  assert.deepEqual(await shakeHands(latchkey, "mail.localhost"), { alert: 112 });
  const { status } = await visitPlainly(latchkey, "mail.localhost");
  assert.equal(status, 404);
  const refused = await latchkey.event("connection.refused");
  assert.equal(refused["code"], "HOST_CERTIFICATE_ONLY");
});

test("a new certificate is a new run of the command", async () => {
  const before = await latchkey.event("command.done");
  const args = ["src/latchkey.sh", "renew", "mail.localhost", "--config", latchkey.file];
  const { code, stdout } = await runProgram("sh", args);
  assert.equal(code, 0);
  assert.match(stdout, /^mail\.localhost: [0-9a-f]+ is in use until [^,]+$/m);
  await latchkey.event("command.done", ({ serial }) => serial !== before["serial"]);
});

test("a command that cannot be run is in the log with the next attempt, and the host is served", async () => {
  assert.ok("serial" in (await shakeHands(latchkey, "broken.localhost")));
  const failed = await latchkey.event("command.failed");
  assert.deepEqual(
    [failed["host"], failed["message"]],
    ["broken.localhost", "there is no such program"],
  );
});

test("check and certs list it", async () => {
  const check = await runProgram("sh", ["src/latchkey.sh", "check", "--config", latchkey.file]);
  assert.match(check.stdout, /^mail\.localhost +certificate only +internal$/m);
  const certs = await runProgram("sh", ["src/latchkey.sh", "certs", "--config", latchkey.file]);
  assert.match(certs.stdout, /^mail\.localhost +valid/m);
});
