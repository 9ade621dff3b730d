import type { Finding } from "../../src/doctor/finding.ts";

/** `problem name.nxdomain`, `advice name.slow`: all but what is well, in order. */
export function grave(findings: readonly Pick<Finding, "severity" | "code">[]): readonly string[] {
  return findings
    .filter(({ severity }) => severity !== "ok")
    .map(({ severity, code }) => `${severity} ${code}`);
}
