import type { Report } from "../doctor/examine.ts";
import type { Finding, Severity } from "../doctor/finding.ts";
import { paint } from "./paint.ts";

/** For programs: `{ machine: [finding], hosts: [{ host, findings }], leftOut }`. */
export function jsonOf({ machine, hosts, leftOut }: Report): string {
  const report = {
    machine: machine.map(plain),
    hosts: hosts.map(({ host, findings }) => ({ host, findings: findings.map(plain) })),
    leftOut,
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function plain({ severity, code, saw, remedy }: Finding) {
  return { severity, code, saw, do: remedy ?? null };
}

const COLOURS = { ok: "green", advice: "yellow", problem: "red" } as const;

/** For people: a line for each finding, and under it what to do; coloured on a terminal. */
export function describeReport({ machine, hosts, leftOut }: Report): string {
  const all = [...machine, ...hosts.flatMap(({ findings }) => findings)];
  const width = Math.max(...all.map(({ code }) => code.length));
  const sections = [{ host: "this machine", findings: machine }, ...hosts].map(
    ({ host, findings }) =>
      [paint("bold", host), ...findings.flatMap((finding) => linesOf(finding, width))].join("\n"),
  );
  const rest = leftOut === 0 ? "" : `; ${leftOut} more hosts were not looked at: name them`;
  return `${[...sections, `${summaryOf(all)}${rest}`].join("\n\n")}\n`;
}

const SEVERITY_WIDTH = "problem".length;

function linesOf({ severity, code, saw, remedy }: Finding, width: number): readonly string[] {
  const line = `  ${painted(severity)}  ${code.padEnd(width)}  ${saw}`;
  if (remedy === undefined) return [line];
  return [line, `${" ".repeat(2 + SEVERITY_WIDTH + 2 + width + 2)}→ ${remedy}`];
}

/** `2 problems, 1 to know` */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (wanted: Severity) => findings.filter(({ severity }) => severity === wanted).length;
  const [problems, advices] = [count("problem"), count("advice")];
  if (problems + advices === 0) return "nothing is wrong";
  const plural = problems === 1 ? "problem" : "problems";
  return `${problems} ${plural}, ${advices} to know`;
}

function painted(severity: Severity): string {
  return paint(COLOURS[severity], severity.padEnd(SEVERITY_WIDTH));
}
