import type { CertificateRecord, CertificateState } from "../base/certificate-record.ts";
import { advice, type Finding, fine, problem, quoted } from "./finding.ts";

/** What a CA says is shown whole: storage keeps no more of it. */
const VERBATIM_MAX_CHARACTERS = 2_300;
const GOING: readonly CertificateState[] = ["issuing", "renewing"];

/** How the last attempt ended, in the CA's own words, and when the next one is. */
export function findingsOfRecord(record: CertificateRecord, now: number): readonly Finding[] {
  const { state, lastError, attempts, nextAttemptAt } = record;
  if (lastError === null) return [standing(record, now)];
  const next = nextAttemptAt === null ? "" : `; next attempt at ${nextAttemptAt}`;
  const saw = `attempt ${attempts} ended at ${lastError.at} with ${lastError.type}: ${lastError.detail}${next}`;
  const remedy = `${lastError.hint}${/[.!]$/.test(lastError.hint) ? "" : "."} Then: latchkey retry ${record.host}`;
  const isOver = state === "valid" || GOING.includes(state);
  return [
    (isOver ? advice : problem)(
      "certificate.last-error",
      quoted(saw, { maxCharacters: VERBATIM_MAX_CHARACTERS }),
      remedy,
    ),
  ];
}

function standing(
  { host, state, notAfter, renewAt, nextAttemptAt }: CertificateRecord,
  now: number,
): Finding {
  if (state === "refused") {
    const remedy = "Name it under onDemand.allow, or have onDemand.ask allow it";
    return problem("certificate.refused", `policy refuses ${host}`, remedy);
  }
  if (notAfter === null) {
    const when = nextAttemptAt === null ? "" : `, next attempt at ${nextAttemptAt}`;
    return fine("certificate.none", `no certificate yet (${state}${when})`);
  }
  if (Date.parse(notAfter) <= now && !GOING.includes(state)) {
    const saw = `the certificate expired ${notAfter}, and no attempt to renew it is known`;
    return problem("certificate.expired", saw, `Start Latchkey, or run: latchkey renew ${host}`);
  }
  const renewal = renewAt === null ? "" : `, renewed at ${renewAt}`;
  return fine("certificate.there", `certificate until ${notAfter}${renewal} (${state})`);
}
