/**
 * The program that is killed while it gives its account a new key: `node rollover-program.ts ROOT PORT TRUST`,
 * against a CA of another process. Exits with 0 when the key was changed.
 */
import { readFile } from "node:fs/promises";
import { Rollover } from "../support/rollover.ts";

const [root = "", port = "", trustFile = ""] = process.argv.slice(2);
const ca = { port: Number(port), trust: await readFile(trustFile, "utf8") };

await using rollover = await Rollover.open(root, ca);
const { kind } = await rollover.roll();
process.exitCode = kind === "changed" ? 0 : 3;
