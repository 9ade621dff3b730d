import { askForProbe, askStatus } from "../admin/client.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { systemClock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { createLog } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { changeLimits, limits } from "../config/limits.ts";
import {
  examine,
  examineStorage,
  type HostReport,
  hasProblem,
  type Program,
  type Report,
} from "../doctor/examine.ts";
import { findingsOfUnset } from "../doctor/unset-findings.ts";
import { Storage } from "../storage/storage.ts";
import { readOfService } from "./configuration.ts";
import { describeReport, jsonOf, summaryOf } from "./doctor-report.ts";
import { EXIT } from "./exit.ts";
import { patiently } from "./patiently.ts";
import { progress } from "./progress.ts";
import { recordsFromStorage } from "./stored-records.ts";

/** Standard output is for the report. */
const STDERR_FD = 2;

export interface DoctorOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Where CAs look; 80 and 443 unless given. */
  readonly http?: number;
  readonly https?: number;
}

/**
 * `latchkey doctor [HOST…]`: looks from this machine for what makes issuance fail. Asks a CA for its directory and for
 * nothing else, changes nothing, and ends with 1 when there is a problem. A variable that is not set here, and perhaps
 * for the service, is told. A terminal is told of each host once it was looked at.
 */
export async function doctor(hosts: readonly string[], options: DoctorOptions): Promise<number> {
  const { config, unset } = await readOfService(options.config, process.env);
  changeLimits(config.limits);
  const clock = systemClock;
  const log = createLog({ ...config.log, level: "error", process: "doctor", fd: STDERR_FD });
  const look = async (): Promise<Report> => {
    const { program, records } = await findProgram(config);
    const storage = await Storage.open({ root: config.storage, clock, log, readOnly: true });
    const { http = limits.httpPort, https = limits.httpsPort } = options;
    const examined = ({ host, findings }: HostReport, done: number, of: number) =>
      progress(`${host}: ${summaryOf(findings)} (${done} of ${of})`);
    const ports = { http, https };
    const steps = { config, records, storage, program, ports, clock, log, examined };
    return await examine(steps, hosts, new AbortController().signal);
  };
  const seen = await look().catch(async (error: unknown) => {
    if (codeOf(error) !== "STORAGE_UNUSABLE") throw error;
    // Nothing can be known of hosts, and nothing runs without it: all else can wait.
    const machine = await examineStorage({ config, clock, program: { kind: "stopped" } });
    return { machine, hosts: [], leftOut: 0 };
  });
  const report = { ...seen, machine: [...seen.machine, ...findingsOfUnset(unset)] };
  process.stdout.write(options.json === true ? jsonOf(report) : describeReport(report));
  return hasProblem(report) ? EXIT.failed : EXIT.ok;
}

interface Found {
  readonly program: Program;
  readonly records: readonly CertificateRecord[];
}

/** The running program, else what its storage knows. */
async function findProgram(config: Config): Promise<Found> {
  const { admin } = config.listen;
  try {
    const { pid, hosts } = await patiently(() => askStatus(admin), {
      storage: config.storage,
      unanswered: true,
    });
    const probe = (host: string) => askForProbe(admin, host);
    return { program: { kind: "running", pid, probe }, records: hosts };
  } catch (error) {
    const program: Program =
      codeOf(error) === "NOT_RUNNING"
        ? { kind: "stopped" }
        : { kind: "silent", why: messageOf(error) };
    return { program, records: await recordsFromStorage(config) };
  }
}
