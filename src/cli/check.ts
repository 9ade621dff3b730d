import { type Flaw, flawsOf, isFault } from "../certificate/flaw.ts";
import { readGiven } from "../certificate/manual.ts";
import type { Config, Host } from "../config/config.ts";
import { describeRoutes } from "../config/describe.ts";
import { type Fault, FaultyConfig, type Path } from "../config/faults.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { findingsOfStorage } from "../doctor/storage-findings.ts";
import { lookAtStorage } from "../storage/look.ts";
import { type Objection, readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { objectionsToAccessLog, objectionsToAdmin } from "./places.ts";

/**
 * `latchkey check`: the routing table on standard output, or every fault on standard error. A storage that this user
 * could not run with is one, and so is an access log that it cannot write, an admin socket without a folder, and a certificate given by hand that its
 * host cannot have, and a variable that is not set here; what a start sets right by itself, and what time has done to a certificate, is only told. Changes
 * nothing.
 */
export async function check(file: string | undefined): Promise<number> {
  const config = await readChecked(file).catch((error: unknown) => {
    if (error instanceof FaultyConfig) tellUnset(error.faults);
    throw error;
  });
  process.stdout.write(describeRoutes(config));
  return EXIT.ok;
}

function readChecked(file: string | undefined): Promise<Config> {
  return readConfiguration(file, process.env, async (read, pathOf, isWhole) => [
    ...(isWhole ? await objectionsToStorage(read) : []),
    ...(isWhole ? await objectionsToAccessLog(read, tell) : []),
    ...(isWhole ? await objectionsToAdmin(read) : []),
    ...(await objectionsToGiven(read, pathOf)),
  ]);
}

/** Without it `run` would not start: a fault, but perhaps of this shell alone. */
function tellUnset(faults: readonly Fault[]): void {
  const unset = [...new Set(faults.map(({ variable }) => variable))].filter(
    (variable) => variable !== undefined,
  );
  if (unset.length === 0) return;
  const isOnly = faults.every(({ variable }) => variable !== undefined);
  const rest = isOnly ? "; all else is right" : "";
  tell(
    `not set in the environment of this command: ${unset.join(", ")}. A service may have it from its EnvironmentFile, which a shell does not read: check with systemd-run -P -p EnvironmentFile=PATH, or set it here${rest}`,
  );
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
    else tell(message);
  }
  return objections;
}

async function objectionsToGiven(
  config: Config,
  pathOf: (host: Host) => Path,
): Promise<readonly Objection[]> {
  const now = Date.now();
  const all = await readGiven(config, now);
  const objections: Objection[] = [];
  for (const entry of config.hosts) {
    const given = all.get(formatPattern(entry.pattern));
    if (given === undefined) continue;
    for (const flaw of flawsOf(given, { ...config.alerts, now })) {
      const message = `cannot be the certificate of ${given.host}: ${flaw.detail}, wanted ${flaw.wanted}`;
      const path = [...pathOf(entry), "certificate", flaw.part];
      if (isFault(flaw)) objections.push({ path, message });
      else tell(warningOf(given.host, flaw));
    }
  }
  return objections;
}

function warningOf(host: string, { detail, wanted }: Flaw): string {
  return `the certificate given by hand for ${host}: ${detail}, wanted ${wanted}`;
}

function tell(message: string): void {
  process.stderr.write(`latchkey: ${message}\n`);
}
