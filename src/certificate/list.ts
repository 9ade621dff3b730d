import type { CertificateName } from "../base/certificate-name.ts";
import type { CertificateRecord, LastError } from "../base/certificate-record.ts";
import type { Host, HostPattern } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { ownNameOf } from "../config/route.ts";
import { recordOfGiven } from "./flaw.ts";
import type { Holdings } from "./holdings.ts";
import type { Given } from "./manual.ts";
import { foreignRecord, type Holding, newHolding, recordOf } from "./records.ts";

/** Where the rows come from. */
export interface ListSteps {
  readonly hosts: readonly Host[];
  readonly holdings: Holdings;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  /** What was read of the files of a host with some given by hand, by its pattern. */
  readonly given: ReadonlyMap<string, Given>;
  /** Milliseconds since the epoch: by this their dates are judged. */
  readonly now: number;
  /** Why the names of a pattern get no new certificates; `undefined` when nothing is wrong. */
  troubleOf(pattern: HostPattern): LastError | undefined;
}

/** A row for every host of the configuration, in its order, and names made on demand beside their wildcard. */
export function listCertificates(steps: ListSteps): CertificateRecord[] {
  const onDemand = Map.groupBy(
    [...steps.holdings.all()].filter(({ listed }) => !listed),
    ({ host }) => steps.findHost(host),
  );
  return steps.hosts.flatMap((entry) => rowsOf(steps, entry, onDemand.get(entry) ?? []));
}

function rowsOf(steps: ListSteps, entry: Host, onDemand: readonly Holding[]): CertificateRecord[] {
  const { pattern, certificate } = entry;
  const name = formatPattern(pattern);
  if (certificate.kind === "none") return [foreignRecord(name, "pass-through")];
  if (certificate.kind === "manual") {
    const given = steps.given.get(name);
    return [given ? recordOfGiven(given, steps.now) : foreignRecord(name, "manual")];
  }
  const own = ownNameOf(entry);
  if (own === undefined) {
    const lastError = steps.troubleOf(pattern) ?? null;
    const row = foreignRecord(name, lastError === null ? "waiting" : "refused");
    return [{ ...row, lastError }, ...onDemand.map((holding) => recordOf(holding, steps.now))];
  }
  return [recordOf(steps.holdings.get(own) ?? newHolding(own, true), steps.now)];
}
