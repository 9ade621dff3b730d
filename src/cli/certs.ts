import { isTroubled } from "../admin/snapshot.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { systemClock } from "../base/clock.ts";
import type { Host } from "../config/config.ts";
import { ownNameOf } from "../config/route.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { paint } from "./paint.ts";
import { describeTroubles, lookAtProgram, NOT_RUNNING } from "./stored-records.ts";
import { alignColumns } from "./table.ts";

/** `latchkey certs`: each host's certificate, from the running program, else read from storage. */
export async function certs(file: string | undefined, json: boolean): Promise<number> {
  const config = await readConfiguration(file);
  const { version, hosts, troubles } = await lookAtProgram(config);
  if (version === null && !json)
    process.stderr.write([`${NOT_RUNNING}\n`, ...describeTroubles(troubles)].join(""));
  process.stdout.write(
    json
      ? `${JSON.stringify({ hosts }, undefined, 2)}\n`
      : describeRecords(hosts, systemClock.now(), config.hosts),
  );
  return isTroubled(hosts) ? EXIT.failed : EXIT.ok;
}

/** What nobody has to look at has no colour. */
const COLOURS: Partial<Record<CertificateRecord["state"], "red" | "yellow">> = {
  failed: "red",
  failing: "yellow",
};

/**
 * For people: a line a host, and under it what went wrong and what to do; coloured on a terminal.
 *
 * @param entries Of the configuration, which tell a wildcard with a certificate of its own from one whose names have each.
 */
export function describeRecords(
  hosts: readonly CertificateRecord[],
  now: number,
  entries: readonly Host[],
): string {
  const unasked = new Set<string | undefined>(entries.map(ownNameOf));
  const rows = [["HOST", "STATE", "EXPIRES", "NEXT STEP"]];
  for (const record of hosts)
    rows.push([record.host, record.state, expiryOf(record, now), nextStepOf(record, now, unasked)]);
  const lines = alignColumns(rows).split("\n");
  const withErrors = hosts.flatMap(({ lastError, state }, index) => {
    const line = inColourOf(state, lines[index + 1] ?? "");
    if (lastError === null) return [line];
    return [
      line,
      `  last error (${lastError.at}): ${lastError.type}`,
      `  ${lastError.detail}`,
      `  → ${lastError.hint}`,
    ];
  });
  return `${[paint("bold", lines[0] ?? ""), ...withErrors].join("\n")}\n`;
}

function inColourOf(state: CertificateRecord["state"], line: string): string {
  const colour = COLOURS[state];
  return colour === undefined ? line : paint(colour, line);
}

function expiryOf({ notAfter }: CertificateRecord, now: number): string {
  return notAfter === null ? "-" : distance(Date.parse(notAfter) - now);
}

function nextStepOf(
  { host, nextAttemptAt, renewAt, state }: CertificateRecord,
  now: number,
  unasked: ReadonlySet<string | undefined>,
): string {
  if (state === "issuing" || state === "renewing") return "ordering now";
  if (nextAttemptAt !== null) return `attempt ${distance(Date.parse(nextAttemptAt) - now)}`;
  if (renewAt !== null) return `renew ${distance(Date.parse(renewAt) - now)}`;
  if (state !== "waiting") return "-";
  return unasked.has(host) || !host.includes("*") ? "waits for its turn" : "waits for a visitor";
}

const UNITS = [
  { name: "d", ms: 86_400_000 },
  { name: "h", ms: 3_600_000 },
  { name: "min", ms: 60_000 },
] as const;

/** `in 59 d`, `in 3 min`, `in 20 s`, `5 d ago` */
function distance(ms: number): string {
  const unit = UNITS.find((each) => Math.abs(ms) >= each.ms) ?? { name: "s", ms: 1_000 };
  const amount = `${Math.floor(Math.abs(ms) / unit.ms)} ${unit.name}`;
  return ms < 0 ? `${amount} ago` : `in ${amount}`;
}
