import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { askForReload } from "../../src/admin/client.ts";
import { readCredential } from "../../src/base/credential.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { alone } from "../support/strain.ts";
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
  "other.pem": other.chain,
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
  "strange.example, other.example": { respond: other, ${given("other.pem", "mixed.key")} }
  up.localhost: { respond: up }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
await latchkey.event("certificate.swapped");

const { serial } = readCredential(own.chain, own.key);
const { serial: strange } = readCredential(other.chain, other.key);

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

test("one for another host is served as it is", async () => {
  const anyName = { ca: ca.certificate, checkServerIdentity: () => undefined };
  for (const host of ["strange.example", "other.example"])
    assert.deepEqual(await shakeHands(latchkey, host, anyName), { serial: strange });
});

test("they are listed as manual, or as failed where none is served, with what is wrong with their files", async () => {
  const rows = (await latchkey.status()).hosts.filter(({ host }) => host.endsWith(".example"));
  assert.deepEqual(
    rows.map((row) => [row.host, row.state, row.serial, row.lastError?.type ?? null]),
    [
      ["own.example", "manual", serial, null],
      ["mixed.example", "failed", null, "CERTIFICATE_INVALID"],
      ["noise.example", "failed", null, "CERTIFICATE_INVALID"],
      ["strange.example", "manual", strange, "CERTIFICATE_MISNAMED"],
      ["other.example", "manual", strange, null],
    ],
  );
});

test("the log says at the start which files cannot be used, and which are for other hosts", async () => {
  const told = latchkey.lines.filter(({ event }) => event === "certificate.unusable");
  assert.deepEqual(
    told.map((line) => [line["host"], line["level"], line["code"]]),
    [
      ["mixed.example", "error", "CERTIFICATE_INVALID"],
      ["noise.example", "error", "CERTIFICATE_INVALID"],
      ["strange.example", "warn", "CERTIFICATE_MISNAMED"],
    ],
  );
});

const run = (command: string) =>
  runProgram("sh", ["src/latchkey.sh", command, "--config", latchkey.file]);

const FAULTS: readonly (readonly [path: string, what: string])[] = [
  ['hosts["mixed.example"].certificate.key', "the key does not belong to the certificate"],
  ['hosts["noise.example"].certificate.chain', "the chain holds no PEM certificate"],
  [
    'hosts["strange.example, other.example"].certificate.chain',
    'it is for "other.example", not for strange.example',
  ],
];

test("check finds the same faults, each at the file to mend, and no other", async () => {
  const { code, stdout, stderr } = await run("check");
  assert.deepEqual([code, stdout], [2, ""]);
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, FAULTS.length, stderr);
  for (const [index, [path, what]] of FAULTS.entries()) {
    const line = String(lines[index]);
    assert.match(line, /^\S+latchkey\.yaml:\d+:\d+: /);
    assert.ok(line.includes(`: ${path}: `) && line.includes(`: ${what}, wanted `), line);
  }
});

test("doctor says the same of each host, and how to mend it", async () => {
  const { code, stdout } = await run("doctor");
  assert.equal(code, 1);
  for (const [, what] of FAULTS) assert.ok(stdout.includes(`: ${what}\n`), stdout);
  assert.match(stdout, /→ Put into \S+mixed\.key the PEM key .*, then run: latchkey reload$/m);
  assert.match(stdout, /^own\.example\n {2}ok .*given by hand/m);
});

test("S16: while files that were good are broken or gone, a worker that starts serves what they held, the trouble is told, and commands that only look work", async () => {
  const own = join(folder.path, "own.pem");
  const options = { ca: ca.certificate };
  const before = await shakeHands(latchkey, "own.example", options);
  const replaced = latchkey.nextEvent("process.ready", ({ child }) => child !== "manager");
  const [worker] = (await latchkey.status()).workers;
  await writeFile(own, "broken\n");
  process.kill(worker?.pid ?? assert.fail(), "SIGKILL");
  await replaced;
  assert.deepEqual(await shakeHands(latchkey, "own.example", options), before);

  const isOwn = (host: unknown) => host === "own.example";
  const told = await latchkey.event("certificate.unusable", (line) => isOwn(line["host"]));
  assert.match(String(told["message"]), /; what the files held before is served until/);
  await unlink(own);
  const { code, stdout, stderr } = await run("certs");
  assert.deepEqual([code, stderr], [1, ""]); // others have failed
  assert.match(stdout, /^own\.example +manual .*\n {2}last error .*: CERTIFICATE_INVALID$/m);
  const { hosts, troubles } = await latchkey.status();
  const row = hosts.find(({ host }) => isOwn(host));
  assert.deepEqual([row?.state, { serial: row?.serial }], ["manual", before]);
  assert.equal(troubles.find(({ host }) => isOwn(host))?.kind, "certificate.unusable");
  await writeFile(own, files["own.pem"]);
});

/** Puts these in the place of the files of own.example, and asks for a reload. */
async function replaceFiles(chain: string, key: string): Promise<void> {
  await writeFile(join(folder.path, "own.pem"), chain);
  await writeFile(join(folder.path, "own.key"), key);
  latchkey.process.kill("SIGHUP");
}

const options = { ca: ca.certificate };
const broken: readonly [what: string, chain: string, key: string][] = [
  ["a key of another certificate", own.chain, other.key],
  ["a chain that is cut", own.chain.slice(0, 300), own.key],
  ["empty files", "", ""],
  ["noise", "not a certificate\n", own.key],
  ["a certificate for another host", other.chain, other.key],
];

for (const [what, chain, key] of broken) {
  test(`S16: after SIGHUP with ${what} in the files of a host the old certificate is served, and the reason told`, async () => {
    const rejected = latchkey.nextEvent("config.rejected");
    await replaceFiles(chain, key);
    const { code, message } = await rejected;
    assert.equal(code, "CERTIFICATE_INVALID");
    assert.match(String(message), /^Cannot use the certificate files of own\.example: /);
    assert.deepEqual(await shakeHands(latchkey, "own.example", options), { serial });
  });
}

test("S16: files that are replaced by good ones are served within 2 s of SIGHUP, while another host's are broken", async () => {
  const next = makeCertificate({ names: ["own.example"], issuer: ca });
  const reloaded = latchkey.nextEvent("config.reloaded");
  const took = await alone(async () => {
    await replaceFiles(next.chain, next.key);
    await reloaded;
  });
  assert.ok(took <= 2_000, `${took} ms`);
  const wanted = readCredential(next.chain, next.key);
  assert.deepEqual(await shakeHands(latchkey, "own.example", options), { serial: wanted.serial });
});

test("a reload that is followed tells of the hosts whose files are still wrong", async () => {
  const outcome = await askForReload(join(latchkey.storage, "admin.sock"));
  assert.ok(outcome.kind === "accepted");
  const told = outcome.changes.filter((line) => line.startsWith("! "));
  assert.deepEqual(
    told.map((line) => line.split(" ")[1]),
    ["mixed.example", "noise.example", "strange.example"],
  );
});

test("a pipe in the place of a file is waited for by nobody: alert 80, and the reason", async () => {
  const path = join(folder.path, "noise.pem");
  await unlink(path);
  execFileSync("mkfifo", [path]);
  const refused = latchkey.nextEvent("connection.refused");
  assert.deepEqual(await shakeHands(latchkey, "noise.example"), { alert: 80 });
  assert.match(String((await refused)["reason"]), /noise\.pem: .*it is not a file$/);
  await unlink(path);
  await writeFile(path, files["noise.pem"]);
});
