import type { CertificateRecord } from "../base/certificate-record.ts";
import { type Clock, Deadline } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import type { Probe } from "../base/probe.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { UriHost } from "../base/uri-host.ts";
import { readGiven } from "../certificate/manual.ts";
import { PolicyGate } from "../certificate/policy-gate.ts";
import type { Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { buildRoutes } from "../config/route.ts";
import { lookAtStorage } from "../storage/look.ts";
import type { Storage } from "../storage/storage.ts";
import { type CaFacts, lookAtCas } from "./cas.ts";
import type { Ports } from "./door-findings.ts";
import { examineHost, type HostSteps } from "./examine-host.ts";
import { advice, type Finding, fine } from "./finding.ts";
import { findingsOfGiven } from "./given-findings.ts";
import { findingsOfListeners, type ListenerSight } from "./listener-findings.ts";
import { OwnDoors } from "./own-doors.ts";
import { allPatients, type Patient, patientOf } from "./patient.ts";
import { recogniseOurs } from "./recognise.ts";
import { findingsOfStorage } from "./storage-findings.ts";

/** What the doctor needs from its surroundings. */
export interface DoctorSteps {
  readonly config: Config;
  /** A row for every host, from the running program or from storage. */
  readonly records: readonly CertificateRecord[];
  /** Opened for reading only. */
  readonly storage: Storage;
  readonly program: Program;
  /** Where CAs look, 80 and 443 on the internet. */
  readonly ports: Ports;
  readonly clock: Clock;
  readonly log: Log;
  /** A host has been looked at, the `done`-th `of` so many: somebody waits. */
  examined(report: HostReport, done: number, of: number): void;
}

/** The program that this configuration means. */
export type Program =
  | {
      readonly kind: "running";
      readonly pid: number;
      /** Has it answer something that nobody else can; `undefined`: it cannot now. */
      probe(host: UriHost): Promise<Probe | undefined>;
    }
  | { readonly kind: "stopped" }
  /** Something is there that does not talk to us. */
  | { readonly kind: "silent"; readonly why: string };

/** All that was seen. */
export interface Report {
  readonly machine: readonly Finding[];
  readonly hosts: readonly HostReport[];
  /** Hosts that were not looked at: there are too many. */
  readonly leftOut: number;
}

export interface HostReport {
  readonly host: string;
  readonly findings: readonly Finding[];
}

/**
 * Looks for what makes issuance fail: at the machine, at the CAs (one GET of each directory and nothing else), then at each
 * host. Bounded as a whole, and in each of its looks.
 *
 * @param names Hosts to look at; none: all that the configuration has, up to a limit.
 */
export async function examine(
  steps: DoctorSteps,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Report> {
  const { config, records, program } = steps;
  using deadline = new Deadline(signal, limits.doctorTimeoutMs);
  const routes = buildRoutes(config.hosts);
  const given = await readGiven(config, steps.clock.now());
  const all =
    names.length > 0
      ? names.map((name) => patientOf(name, routes, given))
      : allPatients(records, routes, given);
  const patients = all.slice(0, limits.doctorHostsMax);
  await using doors = program.kind === "stopped" ? await OwnDoors.open(config.listen) : undefined;
  const listeners = await recogniseOurs(doors?.sights ?? [], records, deadline.signal);
  const cas = await lookAtCas(steps, patients, deadline.signal);
  const machine = [
    ofProgram(program, listeners, config.listen.admin),
    ...(await ofMachine(steps, cas, listeners)),
  ];
  const hosts = await examineHosts(patients, hostSteps(steps, cas, doors, deadline.signal), steps);
  return { machine, hosts, leftOut: all.length - patients.length };
}

/** Does anything in it make issuance fail? */
export function hasProblem({ machine, hosts }: Report): boolean {
  const findings = [...machine, ...hosts.flatMap((host) => host.findings)];
  return findings.some(({ severity }) => severity === "problem");
}

/** What is to be said of the storage folder alone, which may be none that can be opened. */
export async function examineStorage({
  config,
  program,
  clock,
}: Pick<DoctorSteps, "config" | "program" | "clock">): Promise<readonly Finding[]> {
  const isRunning = program.kind === "running";
  const folder = await lookAtStorage(config.storage, { tryWriting: !isRunning, now: clock.now() });
  return findingsOfStorage(folder, {
    isRunning: program.kind !== "stopped",
    uid: process.geteuid?.(),
    freeMinBytes: limits.storageFreeMinBytes,
    freeAdviceBytes: limits.storageFreeAdviceBytes,
  });
}

async function ofMachine(
  steps: DoctorSteps,
  cas: CaFacts,
  listeners: readonly ListenerSight[],
): Promise<readonly Finding[]> {
  const storage = await examineStorage(steps);
  return [...findingsOfListeners(listeners), ...storage, ...cas.findings];
}

function ofProgram(program: Program, listeners: readonly ListenerSight[], admin: string): Finding {
  switch (program.kind) {
    case "running":
      return fine("program.running", `Latchkey runs (pid ${program.pid})`);
    case "stopped":
      if (listeners.some(({ isOurs }) => isOurs)) return unheard(admin);
      return fine("program.stopped", "Latchkey does not run: its ports were opened for this look");
    default: {
      const saw = `Latchkey does not answer: ${program.why}`;
      const remedy =
        "Run this command as the user that Latchkey runs as: without its answer ports cannot be told apart";
      return advice("program.silent", saw, remedy);
    }
  }
}

/** It serves: whoever believed that nothing runs would stop it. */
function unheard(admin: string): Finding {
  const saw = `Latchkey serves what this storage holds, and does not answer on its admin socket (${admin})`;
  const remedy =
    "Let storage be written into, if it cannot be: the program makes the socket once it can, and otherwise when it is started anew";
  return advice("program.unheard", saw, remedy);
}

function hostSteps(
  { config, records, storage, program, ports, clock, log }: DoctorSteps,
  cas: CaFacts,
  doors: OwnDoors | undefined,
  signal: AbortSignal,
): HostSteps {
  const routes = buildRoutes(config.hosts);
  const recordOf = (name: string) => records.find(({ host }) => host === name);
  return {
    ...{ config, storage, ports, clock, cas, signal },
    gate: new PolicyGate({
      ...{ config, clock, log, signal },
      findHost: (name) => routes.findCertified(name),
      spendOnDemand: async () => true, // it orders nothing
      isKnown: (name) => typeof recordOf(name)?.issuer === "string",
    }),
    recordOf,
    ownAddresses: ownAddresses(),
    canAnswer: (type) =>
      program.kind === "running" || doors?.has(type === "http-01" ? "http" : "https") === true,
    probe: async (host) =>
      program.kind === "running" ? await program.probe(host) : await doors?.arm(host),
  };
}

function ofGiven(
  { given, row }: Extract<Patient, { kind: "given" }>,
  { clock, config, program, records }: DoctorSteps,
): readonly Finding[] {
  const loaded = program.kind === "running" ? records.find(({ host }) => host === row) : undefined;
  return findingsOfGiven(given, { ...config.alerts, now: clock.now(), loaded });
}

async function examineHosts(
  patients: readonly Patient[],
  steps: HostSteps,
  all: DoctorSteps,
): Promise<readonly HostReport[]> {
  const slots = new Semaphore(limits.doctorInFlightMax);
  const examineOne = async (patient: Patient): Promise<HostReport> => {
    const { name } = patient;
    if (patient.kind === "settled") return { host: name, findings: [patient.finding] };
    if (patient.kind === "given") return { host: name, findings: ofGiven(patient, all) };
    try {
      return {
        host: name,
        findings: await slots.run(() => examineHost(patient, steps), steps.signal),
      };
    } catch (error) {
      if (!steps.signal.aborted) throw error;
      const saw = `not looked at: there was no time left after ${limits.doctorTimeoutMs / 1_000} s`;
      const remedy = `Ask about it alone: latchkey doctor ${name}`;
      return { host: name, findings: [advice("host.no-time", saw, remedy)] };
    }
  };
  let done = 0;
  return await Promise.all(
    patients.map(async (patient) => {
      const report = await examineOne(patient);
      done += 1;
      all.examined(report, done, patients.length);
      return report;
    }),
  );
}
