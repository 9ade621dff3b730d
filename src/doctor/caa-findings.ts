import { unreachable } from "../base/errors.ts";
import { type CaaQuestion, type CaaSet, type CaaVerdict, judgeCaa } from "../dns/caa.ts";
import { type Finding, fine, listed, problem, problemUnless, quoted } from "./finding.ts";

/** A record with the URL of an account and the methods is longer than what strangers say else, and its end is what counts. */
const VALUE_MAX_CHARACTERS = 300;

/** One CA, as far as CAA is about it. */
export interface CaaCandidate extends CaaQuestion {
  /** As the configuration spells the CA. */
  readonly issuer: string;
}

/** What the CAA records say to each of the issuers of a host, the first of which counts most. */
export function findingsOfCaa(
  host: string,
  set: CaaSet,
  candidates: readonly CaaCandidate[],
): readonly Finding[] {
  switch (set.kind) {
    case "none":
      return [fine("caa.allows", "no CAA records: any CA may certify it")];
    case "failed": {
      const saw = `the CAA records of ${set.at} cannot be had (${set.code}), and a CA that does not know must not issue`;
      const remedy =
        "Have the name servers of the domain answer questions for CAA, and look at its DNSSEC";
      return [problem("caa.unknown", saw, remedy)];
    }
    case "found":
      return judged(host, set, candidates);
    default:
      return unreachable(set);
  }
}

function judged(
  host: string,
  { at, records }: Extract<CaaSet, { kind: "found" }>,
  candidates: readonly CaaCandidate[],
): readonly Finding[] {
  const verdicts = candidates.map((candidate) => ({
    candidate,
    verdict: judgeCaa(records, candidate),
  }));
  const isSpared = verdicts.some(({ verdict }) => verdict.kind === "allowed");
  return verdicts.map(({ candidate, verdict }) => {
    const place = at === host ? `${at}` : `${at}, which decide about ${host}`;
    return findingOf(place, candidate, verdict, isSpared);
  });
}

function findingOf(
  place: string,
  { issuer, identities }: CaaCandidate,
  verdict: CaaVerdict,
  isSpared: boolean,
): Finding {
  if (verdict.kind === "allowed")
    return fine("caa.allows", `the CAA records of ${place} allow ${issuer}`);
  const values = listed(
    verdict.values.map((value) => quoted(value, { maxCharacters: VALUE_MAX_CHARACTERS })),
  );
  if (verdict.kind === "unclear") {
    const saw = `the CAA records of ${place} allow ${values}; ${issuer} does not say by which of these names it goes`;
    return problemUnless(true, "caa.unclear", saw, "See that one of them is this CA");
  }
  const saw = `the CAA records of ${place} forbid ${issuer}: ${values}`;
  return problemUnless(isSpared, "caa.forbids", saw, remedyOf(verdict.by, identities));
}

function remedyOf(
  by: Extract<CaaVerdict, { kind: "forbidden" }>["by"],
  identities: readonly string[],
): string {
  switch (by) {
    case "issuer": {
      const name = identities[0];
      const record = name === undefined ? "that names this CA" : `0 issue "${name}"`;
      return `Add a CAA record ${record}, or remove the one that forbids it`;
    }
    case "critical":
      return "Remove the critical property that CAs do not know: with it none may issue";
    case "accounturi":
      return "Correct the accounturi of the CAA record to the account in use (latchkey doctor shows it), or remove it";
    case "validationmethods":
      return "Let validationmethods of the CAA record name a challenge of acme.challenges, or remove it";
    default:
      return unreachable(by);
  }
}
