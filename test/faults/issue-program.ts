/**
 * The program that faults are inflicted on while it issues: `node issue-program.ts ROOT HOST PORT TRUST [MOMENT]`
 * with the manager's own storage and certificate floor, against a CA of another process. Exits with 0
 * when the certificate is stored and in use, with 3 when the attempt failed.
 */
import { readFile } from "node:fs/promises";
import { LatchkeyError } from "../../src/base/errors.ts";
import { DIRECTORY } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";

const [root = "", host = "", port = "", trustFile = "", dieAt = ""] = process.argv.slice(2);
const ca = { port: Number(port), trust: await readFile(trustFile, "utf8") };

try {
  await using issuing = await Issuing.open({
    ...{ root, hosts: [host], directory: DIRECTORY, ca },
    onAnnouncement: (moment) => {
      if (moment === dieAt) process.kill(process.pid, "SIGKILL");
    },
  });
  await issuing.run();
  const { event } = await issuing.log.first("certificate.failed", "certificate.swapped");
  if (event === "certificate.failed") process.exitCode = 3;
  // What could not be saved at first is saved when the disk is willing.
  else await issuing.log.first("certificate.stored");
  await issuing.settled();
} catch (error) {
  if (!(error instanceof LatchkeyError)) throw error;
  process.stderr.write(`${error.code}\n`);
  process.exitCode = 3;
}
