import type { Clock } from "../base/clock.ts";
import type { Config, Issuer } from "../config/config.ts";
import { nameOf } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import type { StoredBudget } from "../storage/budgets.ts";
import type { Storage } from "../storage/storage.ts";
import { findingOfClock, findingsOfCa } from "./ca-findings.ts";
import { type Finding, fine } from "./finding.ts";
import { type CaSight, lookAtCa } from "./look-ca.ts";
import type { Patient } from "./patient.ts";

export type AcmeIssuer = Extract<Issuer, { kind: "acme" }>;

/** What is known of the CAs that the hosts have to do with. */
export interface CaFacts {
  readonly findings: readonly Finding[];
  /** What was spent, as this machine has counted. */
  readonly budgets: readonly StoredBudget[];
  /** URL of our account at the CA with this directory. */
  accountOf(directory: string): string | undefined;
  /** The names by which it goes in CAA records; empty: it does not say. */
  identitiesOf(directory: string): readonly string[];
}

export interface CaSteps {
  readonly config: Config;
  readonly storage: Storage;
  readonly clock: Clock;
}

/** Looks at each CA once. Rejects with the signal's reason. */
export async function lookAtCas(
  { config, storage, clock }: CaSteps,
  patients: readonly Patient[],
  signal: AbortSignal,
): Promise<CaFacts> {
  const issuers = issuersOf(config, patients);
  const looked = await Promise.all(
    issuers.map(async (issuer) => ({
      issuer,
      sight: await lookAtCa(issuer, clock, signal),
      account: await quietly(async () => (await storage.accounts.load(issuer.directory))?.url),
    })),
  );
  // Of a name that is none of ours nobody knows which CA it would have.
  const isKnown = patients.length === 0 || patients.some(({ kind }) => kind === "known");
  const nobody = isKnown ? [NOBODY] : [];
  const of = (directory: string) => looked.find(({ issuer }) => issuer.directory === directory);
  const findings = looked.flatMap(({ issuer, sight, account }) =>
    findingsOfCa(sight, {
      name: nameOf(issuer),
      hasBinding: issuer.eab !== undefined,
      profile: issuer.profile,
      account,
      isSpared: issuers.length > 1 && looked.some((other) => other.sight.kind === "reached"),
    }),
  );
  return {
    findings:
      issuers.length > 0 ? [...findings, clockOf(looked.map(({ sight }) => sight))] : nobody,
    budgets: (await quietly(() => storage.budgets.load())) ?? [],
    accountOf: (directory) => of(directory)?.account,
    identitiesOf: (directory) => {
      const sight = of(directory)?.sight;
      return sight?.kind === "reached"
        ? sight.directory.caaIdentities.map((identity) => identity.toLowerCase())
        : [];
    },
  };
}

const NOBODY = fine(
  "public.skipped",
  "only the internal authority is used: nothing is looked at outside this machine",
);

function issuersOf(config: Config, patients: readonly Patient[]): readonly AcmeIssuer[] {
  const named = patients.flatMap((patient) =>
    patient.kind === "known" && patient.entry.certificate.kind === "acme"
      ? patient.entry.certificate.issuers
      : [],
  );
  const wanted = patients.length === 0 ? config.acme.issuers : named;
  const byDirectory = new Map<string, AcmeIssuer>();
  for (const issuer of wanted) {
    if (issuer.kind === "acme" && !byDirectory.has(issuer.directory))
      byDirectory.set(issuer.directory, issuer);
  }
  return [...byDirectory.values()].slice(0, limits.doctorCasMax);
}

function clockOf(sights: readonly CaSight[]): Finding {
  const ahead = sights.flatMap((sight) =>
    sight.kind === "reached" && sight.clockAheadMs !== undefined ? [sight.clockAheadMs] : [],
  );
  const question = { adviceMs: limits.clockOffAdviceMs, problemMs: limits.clockOffProblemMs };
  return findingOfClock(ahead, question);
}

/** A storage that cannot be read has a finding of its own. */
async function quietly<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch {
    return undefined;
  }
}
