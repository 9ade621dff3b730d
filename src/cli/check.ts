import type { Config } from "../config/config.ts";
import { describeRoutes } from "../config/describe.ts";
import { findingsOfStorage } from "../doctor/storage-findings.ts";
import { lookAtStorage } from "../storage/look.ts";
import { type Objection, readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";

/**
 * `latchkey check`: the routing table on standard output, or every fault on standard error. A storage that this user
 * could not run with is one; what a start sets right by itself is only told. Changes nothing.
 */
export async function check(file: string | undefined): Promise<number> {
  const config = await readConfiguration(file, process.env, objectionsToStorage);
  process.stdout.write(describeRoutes(config));
  return EXIT.ok;
}

/** Findings about the folder itself; the others are about the moment: who runs, and how full the disk is. */
const LASTING = new Set(
  ["unusable", "missing", "foreign", "loose", "unwritable"].map((what) => `storage.${what}`),
);

async function objectionsToStorage({ storage }: Config): Promise<readonly Objection[]> {
  const sight = await lookAtStorage(storage, { tryWriting: false, now: Date.now() });
  const findings = findingsOfStorage(sight, {
    ...{ isRunning: false, uid: process.geteuid?.() },
    ...{ freeMinBytes: 0, freeAdviceBytes: 0 },
  });
  const objections: Objection[] = [];
  for (const { code, severity, saw, remedy } of findings) {
    if (severity === "ok" || !LASTING.has(code)) continue;
    const message = `${saw}; ${remedy}`;
    if (severity === "problem") objections.push({ path: ["storage"], message });
    else process.stderr.write(`latchkey: ${message}\n`);
  }
  return objections;
}
