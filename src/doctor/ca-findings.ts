import { hintFor } from "../acme/problem.ts";
import { advice, type Finding, fine, problem, problemUnless, quoted } from "./finding.ts";
import type { CaSight } from "./look-ca.ts";

/** A CA of the configuration, and what this machine has there. */
export interface CaQuestion {
  /** As the configuration spells it. */
  readonly name: string;
  /** Is a key of its website configured? */
  readonly hasBinding: boolean;
  readonly profile: string | undefined;
  /** URL of our account; `undefined`: none is known. */
  readonly account: string | undefined;
  /** Is there another issuer to go on with? */
  readonly isSpared: boolean;
}

/** Is the CA there, and does it take what the configuration wants of it? */
export function findingsOfCa(sight: CaSight, question: CaQuestion): readonly Finding[] {
  const { name, isSpared, account, hasBinding } = question;
  if (sight.kind === "failed") {
    const hint = hintFor(sight.type, sight.detail) ?? "See whether the CA has trouble of its own";
    const saw = `${name} cannot be used: ${quoted(sight.detail, { maxCharacters: DETAIL_MAX_CHARACTERS })} (${sight.type})`;
    return [problemUnless(isSpared, "ca.unreachable", saw, hint)];
  }
  const { directory, tookMs } = sight;
  const findings = [fine("ca.reached", `${name} answers (${Math.round(tookMs)} ms)`)];
  if (directory.externalAccountRequired && !hasBinding && account === undefined) {
    const saw = `${name} makes no account without a key of its website`;
    findings.push(
      problemUnless(
        isSpared,
        "ca.binding",
        saw,
        hintFor(`${PREFIX}externalAccountRequired`, "") ?? "",
      ),
    );
  }
  findings.push(...findingsOfProfile(directory.profiles, question));
  const had = account === undefined ? "none yet: it is made with the first order" : account;
  findings.push(fine("ca.account", `account at ${name}: ${had}`));
  return findings;
}

/** A CA without any has nothing to choose from, and is ordered from all the same; see {@link profileFor}. */
function findingsOfProfile(
  profiles: Readonly<Record<string, string>>,
  { name, profile, isSpared }: CaQuestion,
): readonly Finding[] {
  if (profile === undefined || Object.hasOwn(profiles, profile)) return [];
  const offers = Object.keys(profiles).map((offer) => quoted(offer));
  if (offers.length === 0) {
    const saw = `${name} offers no profiles: ${profile} is not asked for, and it certifies as it does`;
    return [
      advice("ca.profile", saw, "Remove the profile of the issuer, unless the CA is to have it"),
    ];
  }
  const saw = `${name} does not offer the profile ${profile} (it offers: ${offers.join(", ")})`;
  const hint = hintFor(`${PREFIX}invalidProfile`, "") ?? "";
  return [problemUnless(isSpared, "ca.profile", saw, hint)];
}

const DETAIL_MAX_CHARACTERS = 300;
const PREFIX = "urn:ietf:params:acme:error:";

/** How far the clock may be off, in milliseconds. */
export interface ClockQuestion {
  readonly adviceMs: number;
  readonly problemMs: number;
}

/**
 * Is this machine's clock right, as far as CAs tell? The one that it agrees with most is believed: an answer may come
 * out of a cache, never out of the future.
 */
export function findingOfClock(
  aheadMs: readonly number[],
  { adviceMs, problemMs }: ClockQuestion,
): Finding {
  const [best] = aheadMs.toSorted((one, other) => Math.abs(one) - Math.abs(other));
  if (best === undefined)
    return fine("clock.unknown", "no CA says what time it is: the clock is not compared");
  const seconds = Math.round(Math.abs(best) / 1_000);
  if (seconds * 1_000 < adviceMs) return fine("clock.right", "the clock agrees with the CA's");
  const saw = `the clock of this machine is ${seconds} s ${best > 0 ? "ahead of" : "behind"} the CA's`;
  const remedy =
    "Set the clock and keep it right (timedatectl set-ntp true): by it certificates are judged and renewed; time zones do not matter";
  return seconds * 1_000 < problemMs
    ? advice("clock.off", saw, remedy)
    : problem("clock.wrong", saw, remedy);
}
