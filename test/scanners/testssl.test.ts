import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Latchkey } from "../support/latchkey.ts";

/** One line of testssl.sh's findings. */
interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** What testssl.sh finds fault with, and we chose. */
const CHOSEN: Readonly<Record<string, string>> = {
  cert_revocation: "an internal authority of one machine: a short life stands in for revocation",
};

/** `WARN` is about the scan: what it could not look at, and what this machine lacks for it. */
const FINE: readonly string[] = ["OK", "INFO", "WARN"];

const name = "scan.localhost";
const folder = await mkdtemp(join(tmpdir(), "latchkey-testssl-"));
const latchkey = await Latchkey.start({
  config: `
workers: 1
authority: { lifetime: 100d }
hosts:
  ${name}: { respond: ok, hsts: 365d, securityHeaders: true }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});
await latchkey.event("certificate.swapped");

test("testssl.sh finds nothing that was not chosen, and grades A+", async () => {
  const found = await scan();
  const faults = found.filter(({ id, severity }) => !FINE.includes(severity) && !(id in CHOSEN));
  assert.deepEqual(faults, []);
  const good = new Set(found.flatMap(({ id, severity }) => (severity === "OK" ? id : [])));
  for (const id of ["TLS1_3", "cert_trust", "HSTS_time", "heartbleed", "ROBOT", "RC4"])
    assert.ok(good.has(id), `nothing good was said of ${id}`);
  const grade = found.find(({ id }) => id === "overall_grade");
  assert.equal(grade?.finding, "A+", "releases before 3.2 do not grade");
});

/** Everything that it looks at: only then it grades. */
async function scan(): Promise<readonly Finding[]> {
  const report = join(folder, "report.json");
  const how = ["--ip", "127.0.0.1", "-n", "none", "--warnings", "off", "--quiet", "--color", "0"];
  const url = `https://${name}:${latchkey.httpsPort}/`;
  const args = [...how, "--add-ca", latchkey.root, "--jsonfile", report, url];
  // It ends with the number of its findings.
  await promisify(execFile)("testssl", args, { cwd: folder }).catch(() => undefined);
  return JSON.parse(await readFile(report, "utf8"));
}
