import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";

const isRoot = process.geteuid?.() === 0;

/**
 * Copies of what a machine trusts, for one shell and what it starts: the machine's own stay as they are. The home has
 * the store of a browser in it.
 */
const OWN_STORES = `
set -eu
for folder in /etc/ssl /usr/local/share; do
  copy=$(mktemp -d -p "$1"); cp -a "$folder/." "$copy"; mount --bind "$copy" "$folder"
done
mkdir -p "$HOME/.pki/nssdb"; certutil -N -d "sql:$HOME/.pki/nssdb" --empty-password
visit() { curl -sS --resolve "up.test:$3:127.0.0.1" "https://up.test:$3/" 2>&1 || true; }
say() { echo "$1: $2"; }
visit "$@"; echo
sh src/latchkey.sh trust --config "$2"; say code $?
visit "$@"; echo
certutil -L -d "sql:$HOME/.pki/nssdb" | grep -c Latchkey
sh src/latchkey.sh trust --config "$2" >/dev/null; say again $?
sh src/latchkey.sh untrust; say code $?
visit "$@"; echo
sh src/latchkey.sh untrust; say code $?
certutil -L -d "sql:$HOME/.pki/nssdb" | grep -c Latchkey || true
`;

test("after `trust` every program of the machine, and a browser's store, takes the internal authority's certificates; after `untrust` none does", {
  skip: isRoot ? false : "only root can have stores of its own",
}, async () => {
  await using folder = await temporaryFolder();
  await using latchkey = await Latchkey.start({ config: "hosts: { up.test: { respond: ok } }" });
  await latchkey.event("certificate.swapped");
  const script = join(folder.path, "stores.sh");
  await writeFile(script, OWN_STORES);
  const { stdout, stderr } = await runProgram("unshare", [
    ...["--mount", "env", `HOME=${folder.path}`, "sh", script],
    ...[folder.path, latchkey.file, `${latchkey.httpsPort}`],
  ]);
  const lines = stdout.trim().split("\n");
  const marks = lines.filter((line) => /^(?:ok|code|again|\d|.*certificate problem)/.test(line));
  assert.deepEqual(
    marks.map((line) => (line.includes("certificate problem") ? "distrusted" : line)),
    ["distrusted", "code: 0", "ok", "1", "again: 0", "code: 0", "distrusted", "code: 0", "0"],
    `${stdout}${stderr}`,
  );
  assert.match(stdout, /valid until .*, SHA-256 [0-9A-F:]{95}:\n {2}trusted by this machine/);
  assert.match(stdout, /no longer trusted by browsers/);
  assert.match(stdout, /was not trusted by this machine/);
});

test("`trust` says what is missing where no root was made yet", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "latchkey.yaml");
  await writeFile(file, "hosts: { up.test: 3001 }");
  const { code, stderr } = await runProgram("sh", ["src/latchkey.sh", "trust", "--config", file]);
  assert.equal(code, 1);
  assert.match(stderr, /There is no .*root\.pem yet: it is made when/);
});
