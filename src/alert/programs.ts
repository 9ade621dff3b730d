import { whyNotStarted } from "../base/find-program.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";

/** A program of the operator's is first run when it is needed, in months perhaps: what is wrong with it is said now. */
export async function warnOfPrograms(
  { alerts, hosts }: Pick<Config, "alerts" | "hosts">,
  log: Log,
): Promise<void> {
  const commands = [
    ["alerts.exec", alerts.exec?.[0]] as const,
    ...hosts.map(({ onCertificate }) => ["onCertificate", onCertificate?.[0]] as const),
  ];
  const seen = new Set<string>();
  for (const [key, program] of commands) {
    if (program === undefined || seen.has(`${key} ${program}`)) continue;
    seen.add(`${key} ${program}`);
    const why = await whyNotStarted(program);
    if (why !== undefined) log.warn("program.unusable", { key, program, why });
  }
}
